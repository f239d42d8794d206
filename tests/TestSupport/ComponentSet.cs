using System.Text.RegularExpressions;

namespace TestSupport;

/// <summary>
/// The folder of the repository's <c>components</c> that is tried on real Dapr: that of the run file, or the one that
/// <c>ACCOUNTS_COMPONENTS</c> names, say <c>postgres-kafka</c>.
/// </summary>
public static partial class ComponentSet
{
    /// <summary>Its name.</summary>
    public static string OnDaprd { get; } = Environment.GetEnvironmentVariable("ACCOUNTS_COMPONENTS") is { Length: > 0 } named ? named : "redis";

    /// <summary>Why it cannot be tried here; null when it can.</summary>
    public static async Task<string?> MissingAsync() => Daprd.Missing ?? await MissingAsync(OnDaprd);

    /// <summary>What a set needs and is not here, as far as can be seen from outside; null when nothing is lacking.</summary>
    public static async Task<string?> MissingAsync(string set)
    {
        var texts = Directory.EnumerateFiles(Path.Combine(Repository.Root, "components", set), "*.yaml").Select(File.ReadAllText).ToList();
        if (texts.SelectMany(text => Secret().Matches(text)).Select(found => found.Groups["variable"].Value)
            .FirstOrDefault(variable => Environment.GetEnvironmentVariable(variable) is null) is { } unset)
        {
            return $"{unset} is not set, which components/{set} takes a secret from.";
        }

        foreach (var address in texts.SelectMany(text => Local().Matches(text)).Select(found => found.Value).Distinct())
        {
            if (!await FreePorts.AnswersAsync(address))
            {
                return $"Nothing answers at {address}, which components/{set} names.";
            }
        }

        return null;
    }

    // Redis does without a password.
    [GeneratedRegex(@"- name: (?!redisPassword)\w+[^\n]*\n\s+secretKeyRef:\n\s+name: (?<variable>\w+)")]
    private static partial Regex Secret();

    [GeneratedRegex(@"\blocalhost:\d+")]
    private static partial Regex Local();
}
