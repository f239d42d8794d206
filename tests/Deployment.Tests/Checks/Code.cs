using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Accounts.Contracts;
using Deployment.Tests.Model;

namespace Deployment.Tests.Checks;

/// <summary>A subscription that the code makes, with the line that makes it.</summary>
internal sealed record Subscription(string File, int Line, string Component, string Topic, string? DeadLetterTopic);

/// <summary>What the sources say that files must agree with.</summary>
internal static partial class Code
{
    /// <summary>The functions that hear a topic beside the log, which wakes them all.</summary>
    public static readonly IReadOnlyDictionary<string, string> Listeners = new Dictionary<string, string> { [Topics.UserEvents] = "user-deletion" };

    /// <summary>Partitions of a log, unless it is told otherwise.</summary>
    public static int Partitions(Scene scene) => Number(scene, "libraries/EventLog/LogOptions.cs", PartitionsOf());

    /// <summary><c>HostOptions.ShutdownTimeout</c> of the services, in seconds.</summary>
    public static int ShutdownTimeout(Scene scene) => Number(scene, "libraries/ServiceDefaults/ServiceSetup.cs", ShutdownTimeoutOf());

    /// <summary>The version of the services, and so of their images.</summary>
    public static string Version(Scene scene) => VersionOf().Match(scene.Files.GetValueOrDefault("services/Directory.Build.props", "")) is { Success: true } match ? match.Groups[1].Value : "?";

    /// <summary>What the code subscribes to.</summary>
    public static IReadOnlyList<Subscription> Subscriptions(Scene scene) =>
    [
        .. scene.Under("services/", ".cs").Where(file => scene.Files[file].Contains("WithTopic(", StringComparison.Ordinal)).SelectMany(file => SubscriptionOf().Matches(scene.Files[file])
            .Select(match => new Subscription(file, Line(scene.Files[file], match.Index), Named(typeof(Components), match, "component")!, Named(typeof(Topics), match, "topic")!, Named(typeof(Topics), match, "dead")))),
    ];

    /// <summary>The topics for what could not be delivered: what waits there comes from an app that runs.</summary>
    public static bool IsDeadLetterTopic(Scene scene, string topic) => Subscriptions(scene).Any(one => one.DeadLetterTopic == topic && one.Topic != topic);

    /// <summary>Whether a text stands in the sources as a literal.</summary>
    public static bool Says(Scene scene, string literal) => scene.Under("services/", ".cs").Concat(scene.Under("libraries/", ".cs")).Any(file => scene.Files[file].Contains($"\"{literal}\"", StringComparison.Ordinal));

    private static int Number(Scene scene, string file, Regex where) =>
        where.Match(scene.Files.GetValueOrDefault(file, "")) is { Success: true } match ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : -1;

    private static int Line(string text, int index) => text.AsSpan(0, index).Count('\n') + 1;

    private static string? Named(Type names, Match match, string group) =>
        match.Groups[group] is { Success: true, Value: var name } ? (string?)names.GetField(name, BindingFlags.Public | BindingFlags.Static)?.GetRawConstantValue() ?? name : null;

    // The two ways of the SDK: (component, topic), and (new TopicOptions { … }).
    [GeneratedRegex(@"WithTopic\([^;]*?Components\.(?<component>\w+)[^;]*?Topics\.(?<topic>\w+)([^;]*?DeadLetterTopic = Topics\.(?<dead>\w+))?")]
    private static partial Regex SubscriptionOf();

    [GeneratedRegex(@"int Partitions \{ get; init; \} = (\d+);")]
    private static partial Regex PartitionsOf();

    [GeneratedRegex(@"ShutdownTimeout = TimeSpan\.FromSeconds\((\d+)\)")]
    private static partial Regex ShutdownTimeoutOf();

    [GeneratedRegex("<Version>([^<]+)</Version>")]
    private static partial Regex VersionOf();
}
