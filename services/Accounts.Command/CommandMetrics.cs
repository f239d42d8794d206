using System.Diagnostics.Metrics;
using Accounts.Domain;
using EventLog;
using ServiceDefaults;

namespace Accounts.Command;

/// <summary>Counts the commands that were answered, by name and outcome.</summary>
internal sealed class CommandMetrics(IMeterFactory meters)
{
    private readonly Counter<long> _commands = meters.Create(Telemetry.Name).CreateCounter<long>(
        "accounts.commands", "{command}", "Commands that were answered.");

    public void Answered(AccountCommand command, OutcomeKind outcome) => Count(command, outcome switch
    {
        OutcomeKind.Appended => "appended",
        OutcomeKind.AlreadySo => "already-so",
        OutcomeKind.Refused => "refused",
        OutcomeKind.VersionMismatch => "version-mismatch",
        OutcomeKind.KeyReused => "key-reused",
        _ => "stopped",
    });

    /// <summary>There was no outcome within the time that callers wait.</summary>
    public void Unavailable(AccountCommand command, bool notDone) => Count(command, notDone ? "not-done" : "unknown");

    private void Count(AccountCommand command, string outcome) =>
        _commands.Add(1, new KeyValuePair<string, object?>("command", command.Name), new KeyValuePair<string, object?>("outcome", outcome));
}
