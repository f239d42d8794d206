namespace Accounts.Processor.Functions;

/// <summary>All functions there are, and which of them a deployment hosts.</summary>
internal static class FunctionList
{
    public static IReadOnlyList<Function> All { get; } =
    [
        AccountView.Function,
        HistoryView.Function,
        IndexView.Function,
        .. Onboarding.Policies,
        OneDefaultAccount.Function,
        UserDeletion.Function,
        AccountEventsPublisher.Function,
    ];

    /// <summary>
    /// The functions hosted here: <c>Functions</c> names them, separated by commas (all when it is missing or empty),
    /// <c>FunctionsElsewhere</c> those that a deployment of their own hosts, and <c>Onboarding:Enabled=false</c> switches the
    /// onboarding policies off.
    /// </summary>
    /// <exception cref="InvalidOperationException">A name that is no function's.</exception>
    public static IReadOnlyList<Function> Hosted(IConfiguration configuration)
    {
        var names = Names(configuration, "Functions");
        var elsewhere = Names(configuration, "FunctionsElsewhere");
        var onboarding = configuration.GetValue("Onboarding:Enabled", true);
        return [.. All.Where(function =>
            (names.Length == 0 || names.Contains(function.Name))
            && !elsewhere.Contains(function.Name)
            && (onboarding || !Onboarding.Policies.Contains(function)))];
    }

    private static string[] Names(IConfiguration configuration, string setting)
    {
        var names = (configuration[setting] ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return names.FirstOrDefault(name => All.All(function => function.Name != name)) is { } unknown
            ? throw new InvalidOperationException(
                $"The setting {setting} names '{unknown}'. There are: {string.Join(", ", All.Select(function => function.Name))}.")
            : names;
    }
}
