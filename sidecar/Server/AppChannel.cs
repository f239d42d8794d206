using Sidecar.Configuration;

namespace Sidecar.Server;

/// <summary>What Go's HTTP client, which Dapr calls apps with, says of itself.</summary>
internal static class GoClient
{
    /// <summary>Adds its headers; it offers to take gzip unless the request says for itself what it takes.</summary>
    public static void AddHeaders(HttpRequestMessage request, bool offersGzip = true)
    {
        request.Headers.TryAddWithoutValidation("User-Agent", "Go-http-client/1.1");
        if (offersGzip)
        {
            request.Headers.TryAddWithoutValidation("Accept-Encoding", "gzip");
        }
    }
}

/// <summary>
/// The way from a sidecar to its app: every call (deliveries, invocations, actors, probes) goes through here, so that
/// the app's token and its limit of concurrent calls hold everywhere.
/// </summary>
internal sealed class AppChannel : IDisposable
{
    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = System.Net.DecompressionMethods.None,
        ActivityHeadersPropagator = null,
    });
    private readonly SemaphoreSlim? _slots;
    private readonly string? _token;

    public AppChannel(AppSpec app, int port, string? appApiToken)
    {
        Address = new Uri($"{(app.AppProtocol == "https" ? "https" : "http")}://{app.AppChannelAddress}:{port}");
        _token = appApiToken;
        _slots = app.AppMaxConcurrency > 0 ? new SemaphoreSlim(app.AppMaxConcurrency) : null;
    }

    /// <summary>Where the app listens.</summary>
    public Uri Address { get; }

    /// <summary>
    /// Sends a request whose address is relative to the app. The slot that <c>appMaxConcurrency</c> grants is held until
    /// the answer has been read whole, as in Dapr, hence the buffering.
    /// </summary>
    /// <exception cref="HttpRequestException">The app cannot be reached.</exception>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        await TakeSlotAsync(cancellation);
        try
        {
            var response = await _client.SendAsync(Prepare(request), cancellation);
            await response.Content.LoadIntoBufferAsync(cancellation);
            return response;
        }
        finally
        {
            _slots?.Release();
        }
    }

    /// <summary>
    /// Sends a request and hands over the answer as soon as its headers are here; the slot is held until
    /// <paramref name="read"/> has finished.
    /// </summary>
    /// <exception cref="HttpRequestException">The app cannot be reached; <paramref name="read"/> was not called.</exception>
    public async Task StreamAsync(
        HttpRequestMessage request, Func<HttpResponseMessage, Task> read, CancellationToken cancellation)
    {
        await TakeSlotAsync(cancellation);
        try
        {
            using var response = await _client.SendAsync(Prepare(request), cancellation);
            await read(response);
        }
        finally
        {
            _slots?.Release();
        }
    }

    /// <summary>A health probe: waits for no slot, or a busy app would seem unwell.</summary>
    public Task<HttpResponseMessage> ProbeAsync(HttpRequestMessage request, CancellationToken cancellation) =>
        _client.SendAsync(Prepare(request), cancellation);

    public void Dispose()
    {
        _client.Dispose();
        _slots?.Dispose();
    }

    private HttpRequestMessage Prepare(HttpRequestMessage request)
    {
        request.RequestUri = new Uri(Address, request.RequestUri!);
        if (_token is not null)
        {
            request.Headers.Remove("dapr-api-token");
            request.Headers.TryAddWithoutValidation("dapr-api-token", _token);
        }

        return request;
    }

    private Task TakeSlotAsync(CancellationToken cancellation) => _slots?.WaitAsync(cancellation) ?? Task.CompletedTask;
}
