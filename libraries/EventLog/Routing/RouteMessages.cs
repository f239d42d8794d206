using System.Text.Json;

namespace EventLog;

/// <summary>Commands on their way from one replica to the one that holds their partition.</summary>
/// <param name="Commands">The commands; none when the holder is only asked whether it is there.</param>
/// <param name="From">The replica that asks, by an id that it made when it started.</param>
internal sealed record RouteRequest(IReadOnlyList<RoutedCommand> Commands, string From = "");

/// <summary>One of them. No command: only the stream's state is asked for.</summary>
internal sealed record RoutedCommand
{
    public required string Id { get; init; }
    public bool Keyed { get; init; }
    public required string Stream { get; init; }
    public JsonElement? Command { get; init; }
    public string Fingerprint { get; init; } = "";
    public long? Expected { get; init; }
    public string CorrelationId { get; init; } = "";
    public string? CausationId { get; init; }
    public string? TraceParent { get; init; }

    /// <summary>When the first replica received it, by its clock, in epoch milliseconds.</summary>
    public required long Received { get; init; }
}

/// <summary>The answers, one for each command in the order in which they were asked.</summary>
internal sealed record RouteReply(IReadOnlyList<RoutedAnswer> Answers);

/// <summary>An answer; neither outcome nor failure means: still at work, ask again.</summary>
internal sealed record RoutedAnswer
{
    public string? Outcome { get; init; }
    public string? Refusal { get; init; }
    public JsonElement? State { get; init; }
    public long Version { get; init; }
    public long Position { get; init; }

    /// <summary>Why there is no outcome: the partition or its store is away, or the command is too old.</summary>
    public string? Failure { get; init; }

    /// <summary>The command is one of a newer version, which this one cannot read: whoever asked is to decide it.</summary>
    public bool Declined { get; init; }
}
