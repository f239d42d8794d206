using Accounts.Processor.Functions;

namespace Accounts.Processor.Consumers;

/// <summary>What a function does with a batch. Returns the first event of each account that it could not take.</summary>
internal delegate Task<IReadOnlyList<EventFailure>> Work(Batch batch, CancellationToken stopping, CancellationToken cancellation);

/// <summary>Records for a function, in order.</summary>
/// <param name="Records">The records.</param>
/// <param name="Takes">False for events that the function is not to take now: their accounts are held back.</param>
internal sealed record Batch(IReadOnlyList<LoggedRecord> Records, Func<LoggedEvent, bool> Takes)
{
    public static Batch Of(IReadOnlyList<LoggedRecord> records) => new(records, _ => true);

    /// <summary>The events for a function.</summary>
    public IEnumerable<LoggedEvent> For(Function function) =>
        Records.SelectMany(record => record.Events).Where(logged => IsFor(function, logged));

    public bool IsFor(Function function, LoggedEvent logged) => function.Handles(logged) && Takes(logged);
}

/// <summary>A function could not take an event; nothing is wrong with anything that it depends on.</summary>
internal sealed record EventFailure(LoggedEvent Event, Exception Cause)
{
    /// <summary>Of several failures of one account the first counts: what comes after it was not to be taken anyway.</summary>
    public static IReadOnlyList<EventFailure> FirstOfEachAccount(IEnumerable<EventFailure> failures) =>
        [.. failures.GroupBy(failure => failure.Event.Account).Select(ofAccount => ofAccount.MinBy(failure => failure.Event.Version)!)];
}
