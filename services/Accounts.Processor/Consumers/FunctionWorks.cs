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

    /// <summary>The function at work on a partition.</summary>
    public FunctionRunner Runner(PartitionConsumer consumer, Filling filling)
    {
        var (function, partition) = (filling.Function, consumer.Partition);
        var at = new ViewPointer(description.Id, filling.Generation);
        var checkpoint = new Checkpoint(RowKeys.Checkpoint(at, function.Name, partition), _saver);
        Work work = function switch
        {
            Function.View view => new ViewWork(view, at, writer, outages.Views).ApplyAsync,
            Function.Policy { Knowing: { } knowing } =>
                knowing(new PolicySetting(at, partition, description.Partitions, writer, sender, outages.Views)),
            Function.Policy policy => new PolicyWork(policy, sender).ApplyAsync,
            Function.Publisher messages => new PublisherWork(messages, publisher).ApplyAsync,
            _ => throw new InvalidOperationException($"Nothing runs functions like {function.Name}."),
        };
        var trouble = new Trouble(time);
        Work noting = async (batch, stopping, cancellation) =>
        {
            var failures = await work(batch, stopping, cancellation);
            foreach (var (logged, cause) in failures)
            {
                trouble.Note($"Version {logged.Version} of account {logged.Account} is held back ({logged.Recorded.EventId}): {Retries.Cause(cause)}");
            }

            return failures;
        };
        var held = new HeldAccounts(function, at, partition, writer, outages.Views, time, logger);
        var replay = new Replay(held, log, partition, noting, outages.Views, time);
        return new FunctionRunner(consumer, filling, checkpoint, noting, held, replay, trouble, _large, outages, time, logger);
    }

    public void Dispose()
    {
        _large.Dispose();
        _saver.Dispose();
    }
}
