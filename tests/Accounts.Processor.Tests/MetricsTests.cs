using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Accounts.Contracts;
using Accounts.Processor.Tests.InProcess;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>What monitors are told of functions.</summary>
public class MetricsTests
{
    [Fact]
    public async Task Lag_and_parked_accounts_are_measured_by_function()
    {
        var poison = new Poison(logged => logged.Account == "BAD", Views.History);
        await using var world = new AccountWorld { As = poison.In };
        var replica = world.Start("Onboarding:Enabled=false");
        var measured = new ConcurrentDictionary<(string Name, string Function), double>();
        using var listener = new MeterListener { InstrumentPublished = (instrument, listening) => Listen(instrument, listening, replica.Meter) };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => measured[(instrument.Name, (string)tags[0].Value!)] = value);
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => measured[(instrument.Name, (string)tags[0].Value!)] = value);
        listener.Start();
        await world.Create("GOOD");
        await world.ReachesTheTail(Views.Account);
        var at = await replica.Operator();
        await at.Controls.ChangeAsync(Views.Account, row => row with { Paused = true }, TestContext.Current.CancellationToken);
        await Eventually.True(() => at.Controls[Views.Account].Row.Paused, "the view is paused");
        await world.Create("BAD");

        await Eventually.Holds(() =>
        {
            listener.RecordObservableInstruments();
            Assert.Equal((1, 0), (measured[("accounts.function.lag.events", Views.Account)], measured[("accounts.function.lag.events", Views.Index)]));
            Assert.True(measured[("accounts.function.lag.seconds", Views.Account)] > 0);
            Assert.Equal((0, 1), (measured[("accounts.function.parked", Views.Account)], measured[("accounts.function.parked", Views.History)]));
        });
    }

    private static void Listen(Instrument instrument, MeterListener listener, Meter meter)
    {
        if (instrument.Meter == meter)
        {
            listener.EnableMeasurementEvents(instrument);
        }
    }
}
