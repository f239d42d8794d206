using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace TestSupport;

/// <summary>What an app was asked.</summary>
/// <param name="At">Since the app's start.</param>
/// <param name="Path">As it was sent, escapes included, without the query.</param>
public sealed record Asked(TimeSpan At, string Method, string Path, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public JsonElement Json => JsonDocument.Parse(Body).RootElement;
}

/// <summary>A real web app behind a sidecar: it writes down what it is asked, and answers as the test says.</summary>
public sealed class RecordingApp : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly ConcurrentQueue<Asked> _asked = new();
    private readonly long _started = Stopwatch.GetTimestamp();

    private RecordingApp(int port, Func<Asked, HttpContext, Task> answer)
    {
        Port = port;
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls($"http://127.0.0.1:{port}");
        _server = builder.Build();
        _server.Run(async http =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            var asked = new Asked(
                Stopwatch.GetElapsedTime(_started), http.Request.Method, http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.Split('?')[0],
                http.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase),
                Encoding.UTF8.GetString(body.ToArray()));
            _asked.Enqueue(asked);
            await answer(asked, http);
        });
    }

    public int Port { get; }

    /// <summary>Everything so far, without the questions of the start.</summary>
    public IReadOnlyList<Asked> Asked => [.. _asked.Where(a => !a.Path.StartsWith("/dapr/", StringComparison.Ordinal))];

    /// <summary>Everything so far at one path.</summary>
    public IReadOnlyList<Asked> At(string path) => [.. _asked.Where(a => a.Path == path)];

    /// <summary>Starts the app.</summary>
    /// <param name="subscriptions">Its answer to <c>/dapr/subscribe</c>; null: 404.</param>
    /// <param name="config">Its answer to <c>/dapr/config</c>; null: 404.</param>
    /// <param name="answer">Everything else; null: an empty 200.</param>
    /// <param name="port">Null: a free one.</param>
    public static async Task<RecordingApp> StartAsync(
        string? subscriptions, string? config, Func<Asked, HttpContext, Task>? answer = null, int? port = null)
    {
        var app = new RecordingApp(port ?? FreePorts.Next(), (asked, http) =>
        {
            switch (asked.Path)
            {
                case "/dapr/subscribe" when subscriptions is not null:
                    return http.Response.WriteAsync(subscriptions);
                case "/dapr/config" when config is not null:
                    return http.Response.WriteAsync(config);
                case "/dapr/subscribe" or "/dapr/config":
                    http.Response.StatusCode = 404;
                    return Task.CompletedTask;
                default:
                    return answer?.Invoke(asked, http) ?? Task.CompletedTask;
            }
        });
        await app._server.StartAsync();
        return app;
    }

    /// <summary>Ends at once, whatever is under way.</summary>
    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _server.StopAsync(now.Token);
        await _server.DisposeAsync();
    }
}
