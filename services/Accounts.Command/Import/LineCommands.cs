using Accounts.Contracts;
using Accounts.Domain;
using EventLog;
using ServiceDefaults;
using AccountCommandLog = EventLog.CommandLog<Accounts.Domain.Account, Accounts.Domain.AccountCommand, Accounts.Domain.AccountEvent>;

namespace Accounts.Command.Import;

/// <summary>Executes the lines of an import.</summary>
internal sealed class LineCommands(AccountCommandLog log, CommandMetrics metrics, TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Opens the account. Its key is made of the line's content, so the same line again, in this import or another, gives the
    /// same answer. A log that is away or has too much to do is waited for, up to half a minute.
    /// </summary>
    public async Task<ImportedLine> ExecuteAsync(long line, AccountCommand.Create create, CommandHeaders headers, CancellationToken cancellation)
    {
        var submission = headers.Submission(create.AccountNumber, create);
        submission = submission with { Key = $"import-{submission.Fingerprint}" };
        var begun = time.GetTimestamp();
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                var outcome = await log.SubmitAsync(submission, cancellation);
                metrics.Answered(create, outcome.Kind);
                return Answers.ProblemOf(create, outcome) is { } problem
                    ? new ImportedLine { Line = line, Problem = problem }
                    : new ImportedLine { Line = line, Version = outcome.Version };
            }
            catch (LogUnavailableException away) when (time.GetElapsedTime(begun) >= Patience)
            {
                metrics.Unavailable(create, away.NotDone);
                return new ImportedLine { Line = line, Problem = Problems.ByStatus(503) with { Outcome = away.NotDone ? ProblemOutcomes.NotDone : ProblemOutcomes.Unknown } };
            }
            catch (LogUnavailableException)
            {
                await Task.Delay(pause, time, cancellation);
            }
        }
    }
}
