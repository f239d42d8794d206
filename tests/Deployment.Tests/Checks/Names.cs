using System.Collections.Immutable;
using System.Reflection;
using System.Text.RegularExpressions;
using Accounts.Contracts;
using TestSupport;

namespace Deployment.Tests.Checks;

/// <summary>The names in the code that files must agree with.</summary>
internal static partial class Names
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

    /// <summary>What the code subscribes to: component, topic, and the topic for what cannot be delivered.</summary>
    public static ImmutableArray<(string Component, string Topic, string? DeadLetterTopic)> Subscribed { get; } =
    [
        .. Directory.EnumerateFiles(Path.Combine(Repository.Root, "services"), "*.cs", SearchOption.AllDirectories)
            .SelectMany(file => Subscription().Matches(File.ReadAllText(file)))
            .Select(match => (Named(typeof(Components), match, "component")!, Named(typeof(Topics), match, "topic")!, Named(typeof(Topics), match, "dead"))),
    ];

    private static string? Named(Type names, Match match, string group) =>
        match.Groups[group] is { Success: true, Value: var name } ? (string)names.GetField(name)!.GetRawConstantValue()! : null;

    // The two ways of the SDK: (component, topic), and (new TopicOptions { … }).
    [GeneratedRegex(@"WithTopic\([^;]*?Components\.(?<component>\w+)[^;]*?Topics\.(?<topic>\w+)([^;]*?DeadLetterTopic = Topics\.(?<dead>\w+))?")]
    private static partial Regex Subscription();

    private static ImmutableSortedSet<string> Constants(Type names) => [.. names.GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetRawConstantValue()!)];
}
