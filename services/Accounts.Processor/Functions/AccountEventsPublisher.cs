using Accounts.Contracts;
using Accounts.Processor.Consumers;

namespace Accounts.Processor.Functions;

/// <summary>Every event of every account, for other microservices. They order by the account's version and de-duplicate by id.</summary>
internal static class AccountEventsPublisher
{
    public static Function.Publisher Function { get; } = new()
    {
        Name = Topics.AccountEvents,
        PubSub = Components.Events,
        Topic = Topics.AccountEvents,
        // Promised is every event, also those from before the publisher was first deployed.
        StartAt = StartAt.Beginning,
        Message = logged => AccountCloudEvent.Of(logged.Recorded),
    };
}
