using System.Collections.Immutable;
using System.Reflection;
using Accounts.Contracts;

namespace Deployment.Tests.Checks;

/// <summary>The names in the code that files must agree with.</summary>
internal static class Names
{
    public static ImmutableSortedSet<string> Apps { get; } = Constants(typeof(AppIds));

    public static ImmutableSortedSet<string> ComponentNames { get; } = Constants(typeof(Components));

    public static ImmutableSortedSet<string> TopicNames { get; } = Constants(typeof(Topics));

    /// <summary>Who uses a component. Functions that are deployed alone use what the processor uses.</summary>
    public static ImmutableDictionary<string, string[]> Users { get; } = new Dictionary<string, string[]>
    {
        [Components.EventLog] = [AppIds.Command, AppIds.Processor],
        [Components.Views] = [AppIds.Processor, AppIds.Query],
        [Components.Wakeups] = [AppIds.Command, AppIds.Processor],
        [Components.Events] = [AppIds.Processor],
    }.ToImmutableDictionary();

    private static ImmutableSortedSet<string> Constants(Type names) => [.. names.GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetRawConstantValue()!)];
}
