using Accounts.Contracts;
using Accounts.Domain;
using EventLog;
using ServiceDefaults;
using AccountCommandLog = EventLog.CommandLog<Accounts.Domain.Account, Accounts.Domain.AccountCommand, Accounts.Domain.AccountEvent>;

namespace Accounts.Command;

/// <summary>The event log, told what accounts are.</summary>
internal static class AccountLog
{
    public static Decider<Account, AccountCommand, AccountEvent> Decider { get; } = new()
    {
        Decide = (command, state, at) => Domain.Decision.Decide(command, state, at.ToUnixTimeMilliseconds()) switch
        {
            { Refusal: { } code } => Decision<AccountEvent>.Refuse(code),
            { Events: var events } => Decision<AccountEvent>.Accept(events),
        },
        Evolve = Account.Evolve,
        Write = happened =>
        {
            var (name, schema, data) = AccountStorage.Write(happened);
            return new StoredEvent(name, schema, data);
        },
        Read = stored => AccountStorage.Read(stored.Name, stored.Schema, stored.Data),
        StateJson = AccountStorage.StateJson,
        CommandJson = AccountStorage.CommandJson,
    };

    public static void AddAccountLog(this WebApplicationBuilder builder)
    {
        var options = builder.Configuration.GetSection("EventLog").Get<LogOptions>() ?? new LogOptions();
        builder.Services.AddEventLog(Decider, options with
        {
            Store = Components.EventLog,
            PubSub = Components.Wakeups,
            Topic = Topics.AccountLog,
            ActorType = AppIds.Command,
            Meter = Telemetry.Name,
        });
        builder.Services.AddSingleton<CommandMetrics>();
        builder.Services.AddSingleton(services => new OpenCheck(() => services.GetRequiredService<AccountCommandLog>().IsOpen));
        builder.Services.AddReadinessCheck("log", services =>
        {
            var log = services.GetRequiredService<AccountCommandLog>();
            return _ => Task.FromResult(log.NotReady);
        });
    }

    /// <summary>The actors that route commands between the replicas.</summary>
    public static void MapAccountLog(this WebApplication app) => app.MapActorsHandlers();
}
