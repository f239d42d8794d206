using Accounts.Contracts;
using Accounts.Processor.Functions;
using Accounts.Processor.Parking;
using Accounts.Processor.Users;
using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>Everything that functions work with on this replica, once the log and the views are open.</summary>
internal sealed class FunctionWorks(
    LogDescription description, LogReader log, RowWriter writer, CommandSender sender, EventPublisher publisher, Outages outages, TimeProvider time,
    ILogger logger) : IDisposable
{
    private readonly SemaphoreSlim _large = new(Math.Max(2, Environment.ProcessorCount));
    private readonly CheckpointSaver _saver = new(writer.Store, outages.Views, time);

    // What the functions do with the news travels together. What one of them does for itself, call after call, does not wait for company.
    private readonly RowWriter _together = writer.By(new SharedStore(writer.Store, time));

    /// <summary>The function at work on a partition.</summary>
    public FunctionRunner Runner(PartitionConsumer consumer, Filling filling)
    {
        var (function, partition) = (filling.Function, consumer.Partition);
        var at = new ViewPointer(description.Id, filling.Generation);
        var checkpoint = new Checkpoint(RowKeys.Checkpoint(at, function.Name, partition), _saver);
        var trouble = new Trouble(time);
        var held = new HeldAccounts(function, at, partition, writer, outages.Views, time, logger);
        var replay = new Replay(held, log, partition, Noting(WorkBy(writer)), outages.Views, time);
        return new FunctionRunner(consumer, filling, checkpoint, Noting(WorkBy(_together)), held, replay, trouble, _large, outages, time, logger);

        Work WorkBy(RowWriter rows) => function switch
        {
            Function.View view => new ViewWork(view, at, rows, outages.Views).ApplyAsync,
            Function.Policy { Knowing: { } knowing } =>
                knowing(new PolicySetting(at, partition, description.Partitions, rows, sender, outages.Views)),
            Function.Policy policy => new PolicyWork(policy, sender).ApplyAsync,
            Function.Publisher messages => new PublisherWork(messages, publisher).ApplyAsync,
            _ => throw new InvalidOperationException($"Nothing runs functions like {function.Name}."),
        };

        Work Noting(Work work) => async (batch, stopping, cancellation) =>
        {
            var failures = await work(batch, stopping, cancellation);
            foreach (var (logged, cause) in failures)
            {
                trouble.Note($"Version {logged.Version} of account {logged.Account} is held back ({logged.Recorded.EventId}): {Retries.Cause(cause)}");
            }

            return failures;
        };
    }

    public void Dispose()
    {
        _large.Dispose();
        _saver.Dispose();
    }
}
