using Microsoft.Extensions.Logging;

namespace EventLog;

/// <summary>What a writer needs from outside, besides its store; chance and time among it.</summary>
/// <param name="Time">The clock.</param>
/// <param name="NewId">Makes random ids that never repeat.</param>
/// <param name="Committed">Told of each commit: partition, position, commands, time taken.</param>
/// <param name="LostRace">Told when another writer took the position that this one wanted.</param>
/// <param name="Tracing">Shows commits in the traces of the requests.</param>
/// <param name="Log">The log to operators.</param>
internal sealed record WriterSurroundings(
    TimeProvider Time,
    Func<string> NewId,
    Action<int, long, int, TimeSpan> Committed,
    Action<int> LostRace,
    LogTracing Tracing,
    ILogger Log);
