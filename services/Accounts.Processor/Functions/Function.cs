using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Users;
using EventLog;

namespace Accounts.Processor.Functions;

/// <summary>
/// A named consumer of the log. A function only says what should be; reading, order, retries, checkpoints and writing are
/// the business of <c>Consumers</c>.
/// </summary>
internal abstract record Function
{
    private Function()
    {
    }

    /// <summary>Part of checkpoints and of the keys of commands: never changes.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// Stored names of the events that it handles; null for all, also those that this version of the service cannot read:
    /// they stop the function, because a view that skipped one would be wrong.
    /// </summary>
    public IReadOnlySet<string>? Events { get; init; }

    /// <summary>Where it begins when it is added to a system that has been running without it.</summary>
    public StartAt StartAt { get; init; } = StartAt.Tail;

    public bool Handles(LoggedEvent logged) => Events is null || Events.Contains(logged.Recorded.Event.Name);

    /// <summary>Folds events into rows.</summary>
    public sealed record View : Function
    {
        public View() => StartAt = StartAt.Beginning;

        /// <summary>
        /// The rows that the fold of an event will look at, so that a batch reads its rows in one call. A row that is
        /// missing here is read when the fold asks for it, and the batch is folded again.
        /// </summary>
        public required Func<ViewPointer, LoggedEvent, IEnumerable<RowRead>> Reads { get; init; }

        /// <summary>
        /// The rows after an event. Pure, and gated by versions: an event whose effect is in the rows already changes
        /// nothing, because every event may come again.
        /// </summary>
        public required Func<ViewPointer, LoggedEvent, Rows, IEnumerable<RowWrite>> Fold { get; init; }

        /// <summary>As <see cref="Reads"/>, for <see cref="FoldRecord"/>.</summary>
        public Func<ViewPointer, LoggedRecord, IEnumerable<RowRead>> ReadsRecord { get; init; } = (_, _) => [];

        /// <summary>
        /// Rows of a whole record, made after its events were folded, also of a record without events and of one whose events
        /// could not all be taken: what is taken of it never waits for the rest. Pure, and must not throw.
        /// </summary>
        public Func<ViewPointer, LoggedRecord, Rows, IEnumerable<RowWrite>>? FoldRecord { get; init; }

        /// <summary>
        /// Version of the fold: one more whenever it makes other rows of the same events, so that a rebuild is due. A replica
        /// feeds no generation of a newer fold than its own.
        /// </summary>
        public int Version { get; init; } = 1;

        /// <summary>
        /// Accounts of a partition share rows, so that they can be verified only all at once. Rows of different partitions are
        /// never shared.
        /// </summary>
        public bool SharesRows { get; init; }

        /// <summary>
        /// Where rows depend on the order in which accounts came, and the log does not tell that alone: gives expected rows the
        /// shape of the stored ones, as far as that is sound. Null: the log tells everything.
        /// </summary>
        public Arrange? Arrange { get; init; }

        /// <summary>
        /// Marks the rows of an account that lack the event with this version, so that nobody takes them for the newest; the
        /// fold of that event makes rows without the mark. Null: the view's rows say nothing of it.
        /// </summary>
        public Func<ViewPointer, string, long, Rows, IEnumerable<RowWrite>>? Mark { get; init; }
    }

    /// <summary>Answers events with commands.</summary>
    public sealed record Policy : Function
    {
        /// <summary>The commands that an event asks for; pure.</summary>
        public Func<LoggedEvent, IEnumerable<PolicyCommand>> React { get; init; } = _ => [];

        /// <summary>
        /// Instead of <see cref="React"/>, of a policy that must know more than its event: how it works on a partition. It keeps
        /// rows of its own, and an event is done when they are saved and its commands are answered.
        /// </summary>
        public Func<PolicySetting, Work>? Knowing { get; init; }
    }

    /// <summary>Tells other microservices of events, each at least once and in order per partition key.</summary>
    public sealed record Publisher : Function
    {
        /// <summary>Name of the pub/sub component.</summary>
        public required string PubSub { get; init; }

        /// <summary>The topic.</summary>
        public required string Topic { get; init; }

        /// <summary>The message that an event becomes, or null; pure, and the same each time.</summary>
        public required Func<LoggedEvent, OutgoingMessage?> Message { get; init; }
    }
}

/// <summary>Arranges expected rows like the stored ones, and returns the keys of those that may have changed or gone.</summary>
internal delegate Task<IReadOnlySet<string>> Arrange(
    ViewPointer at, Rows expected, IReadOnlyCollection<string> wrong, IStateStore views, CancellationToken cancellation);

internal enum StartAt
{
    /// <summary>At the end of each partition as it is when the function is first seen.</summary>
    Tail,

    /// <summary>At the first event of the log.</summary>
    Beginning,
}

/// <summary>A command that a policy sends.</summary>
/// <param name="Account">Number of the account.</param>
/// <param name="Name">Name of the command, as in its address.</param>
/// <param name="If">The fact that it rests on; when that is gone, the command has no effect.</param>
internal sealed record PolicyCommand(string Account, string Name, FactBody? If = null);
