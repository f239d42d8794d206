using Accounts.Processor.Functions;
using Accounts.Processor.Parking;
using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>What the functions of a replica depend on, and whether it is away.</summary>
/// <param name="Log">The log's store.</param>
/// <param name="Views">The views' store.</param>
/// <param name="Commands">The command service, for policies.</param>
/// <param name="Broker">The broker, for publishers.</param>
internal sealed record Outages(Outage Log, Outage Views, Outage Commands, Outage Broker)
{
    /// <summary>What a function needs and is away; null when all is there.</summary>
    public string? Of(Function function) => Log.Away ?? Views.Away ?? (function switch
    {
        Function.Policy => Commands.Away,
        Function.Publisher => Broker.Away,
        _ => null,
    });
}

/// <summary>
/// Whether something that the functions depend on is away. However many of them notice, one outage is one warning, and one
/// line when it is over.
/// </summary>
internal sealed class Outage(string dependency, TimeProvider time, Random chance, ILogger logger)
{
    // Some calls fail and some do not while something comes back: it is one outage until failures have ceased.
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private long _lastFailure;
    private bool _warned;
    private bool _answers = true;

    /// <summary>What is away, or null.</summary>
    public string? Away
    {
        get
        {
            lock (_gate)
            {
                return _answers ? null : dependency;
            }
        }
    }

    /// <summary>To wait with between two attempts.</summary>
    public Patience Patience() => new(time, chance);

    public void Failed(Exception cause)
    {
        lock (_gate)
        {
            var old = _warned && !(_answers && time.GetElapsedTime(_lastFailure) > Calm);
            (_answers, _warned, _lastFailure) = (false, true, time.GetTimestamp());
            if (old)
            {
                return;
            }
        }

        logger.LogWarning("{Dependency} does not answer, functions wait: {Cause}", dependency, cause.Message);
    }

    public void Answered()
    {
        lock (_gate)
        {
            _answers = true;
            if (!_warned || time.GetElapsedTime(_lastFailure) <= Calm)
            {
                return;
            }

            _warned = false;
        }

        logger.LogInformation("{Dependency} answers again", dependency);
    }

    /// <summary>
    /// Tries again and again, however long it takes. A first failure may be a rival's write as well, and is no outage; an
    /// attempt begins by reading what is there.
    /// </summary>
    public async Task<T> PersistAsync<T>(Func<Task<T>> attempt, CancellationToken cancellation)
    {
        var patience = Patience();
        for (var attempts = 0; ; attempts++)
        {
            try
            {
                var result = await attempt();
                Answered();
                return result;
            }
            catch (Exception cause) when (cause is not (LogRefusedException or TooManyHeldException) && !cancellation.IsCancellationRequested)
            {
                if (attempts > 0)
                {
                    Failed(cause);
                }
            }

            await patience.WaitAsync(cancellation);
        }
    }
}
