using System.Collections.Frozen;

namespace Sidecar.Faults;

/// <summary>What a fault does to a call or to a message.</summary>
[Flags]
internal enum FaultKind
{
    None = 0,

    /// <summary>It waits until the list of faults changes, or its caller has left.</summary>
    Block = 1,

    /// <summary>It comes later.</summary>
    Delay = 2,

    /// <summary>An error instead of the call.</summary>
    FailBefore = 4,

    /// <summary>The call, then an error instead of its answer.</summary>
    FailAfter = 8,

    /// <summary>The message never arrives; a call neither, and its caller hears nothing.</summary>
    Lose = 16,

    /// <summary>It arrives twice.</summary>
    Repeat = 32,

    /// <summary>The one after it overtakes it.</summary>
    Reorder = 64,
}

/// <summary>One entry of the list.</summary>
/// <param name="On">Where: <c>actors</c>, <c>invoke</c>, <c>state:NAME</c> or <c>pubsub:NAME</c>.</param>
/// <param name="Do">What, one of the kinds.</param>
/// <param name="Delay">How late; zero for other kinds.</param>
/// <param name="Rate">How likely, for each call or message on its own; 0 to 1.</param>
/// <param name="App">Only what this app sends or gets; null: everybody.</param>
internal sealed record Fault(string On, FaultKind Do, TimeSpan Delay, double Rate, string? App)
{
    public const string Actors = "actors";
    public const string Invoke = "invoke";

    private const string StatePrefix = "state:";
    private const string PubSubPrefix = "pubsub:";

    /// <summary>What may happen to calls: everything.</summary>
    public const FaultKind OfCalls =
        FaultKind.Block | FaultKind.Delay | FaultKind.FailBefore | FaultKind.FailAfter | FaultKind.Lose | FaultKind.Repeat | FaultKind.Reorder;

    /// <summary>The kinds by their names.</summary>
    public static readonly FrozenDictionary<string, FaultKind> Kinds = new Dictionary<string, FaultKind>
    {
        ["block"] = FaultKind.Block,
        ["delay"] = FaultKind.Delay,
        ["fail-before"] = FaultKind.FailBefore,
        ["fail-after"] = FaultKind.FailAfter,
        ["lose"] = FaultKind.Lose,
        ["repeat"] = FaultKind.Repeat,
        ["reorder"] = FaultKind.Reorder,
    }.ToFrozenDictionary();

    /// <summary>The name of the fault's kind.</summary>
    public string KindName => Kinds.First(k => k.Value == Do).Key;

    public static string State(string component) => StatePrefix + component;

    public static string PubSub(string component) => PubSubPrefix + component;
}
