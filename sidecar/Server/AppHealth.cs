using Sidecar.Configuration;

namespace Sidecar.Server;

/// <summary>
/// Watches an app: first until its port answers, then, when the run file asks for it, by probes. As in Dapr an app with
/// probes starts unwell, one success makes it well, and <c>threshold</c> failures in a row make it unwell. Without probes it
/// is well as soon as its port answers.
/// </summary>
internal sealed class AppHealth(AppSpec app, AppChannel channel, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan _betweenConnects = TimeSpan.FromMilliseconds(50);
    private readonly SemaphoreSlim _deaths = new(0);
    private volatile bool _well;

    /// <summary>Whether the app may be called now.</summary>
    public bool IsHealthy => _well;

    /// <summary>
    /// The app's process has ended: it is unwell at once, and from its next answer on, should somebody start it again, it is
    /// watched as at the beginning.
    /// </summary>
    public void AppDied()
    {
        _well = false;
        _deaths.Release();
    }

    /// <summary>Runs until cancelled and reports every change, each before the next probe.</summary>
    public async Task WatchAsync(Func<bool, Task> changed, CancellationToken cancellation)
    {
        while (true)
        {
            while (!await Ports.AnswersAsync(channel.Address.Host, channel.Address.Port, cancellation))
            {
                await Task.Delay(_betweenConnects, time, cancellation);
            }

            if (app.HealthCheck is { } check)
            {
                await ProbeUntilDeathAsync(check, changed, cancellation);
            }
            else
            {
                _well = true;
                await changed(true);
                await _deaths.WaitAsync(cancellation);
            }

            _well = false;
            await changed(false);
        }
    }

    public void Dispose() => _deaths.Dispose();

    private async Task ProbeUntilDeathAsync(AppHealthCheck check, Func<bool, Task> changed, CancellationToken cancellation)
    {
        var failures = 0;
        var reported = false;
        using var timer = new PeriodicTimer(check.Interval, time);
        do
        {
            failures = await ProbeAsync(check, cancellation) ? 0 : failures + 1;
            if (await _deaths.WaitAsync(TimeSpan.Zero, cancellation))
            {
                return;
            }

            var well = failures == 0 || (reported && failures < check.Threshold);
            if (well != reported)
            {
                _well = reported = well;
                await changed(well);
            }
        }
        while (await timer.WaitForNextTickAsync(cancellation));
    }

    private async Task<bool> ProbeAsync(AppHealthCheck check, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(check.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/" + check.Path.TrimStart('/'));
            using var response = await channel.ProbeAsync(request, either.Token);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }
}
