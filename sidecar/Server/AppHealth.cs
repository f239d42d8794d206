using Sidecar.Configuration;

namespace Sidecar.Server;

/// <summary>
/// Watches an app: first until its port answers, then, when the run file asks for it, by probes. As in Dapr an app with
/// probes starts unwell, one success makes it well, and <c>threshold</c> failures in a row make it unwell. Without probes it
/// is well as soon as its port answers.
/// </summary>
internal sealed class AppHealth(AppSpec app, AppChannel channel, TimeProvider time)
{
    private static readonly TimeSpan _betweenConnects = TimeSpan.FromMilliseconds(50);
    private volatile bool _well;

    /// <summary>Whether the app may be called now.</summary>
    public bool IsWell => _well;

    /// <summary>Runs until cancelled and reports every change, each before the next probe.</summary>
    public async Task WatchAsync(Func<Task> portAnswers, Func<bool, Task> changed, CancellationToken cancellation)
    {
        while (!await Ports.AnswersAsync(channel.Address.Host, channel.Address.Port, cancellation))
        {
            await Task.Delay(_betweenConnects, time, cancellation);
        }

        await portAnswers();
        if (app.HealthCheck is not { } check)
        {
            _well = true;
            await changed(true);
            return;
        }

        var failures = 0;
        using var timer = new PeriodicTimer(check.Interval, time);
        do
        {
            failures = await ProbeAsync(check, cancellation) ? 0 : failures + 1;
            var well = failures == 0 || (_well && failures < check.Threshold);
            if (well != _well)
            {
                _well = well;
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
