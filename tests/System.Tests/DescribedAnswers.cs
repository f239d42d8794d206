using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace SystemTests;

/// <summary>
/// Holds every answer that any test gets against the OpenAPI document of the service: where the document knows the
/// operation, it must describe the status.
/// </summary>
public sealed class DescribedAnswers() : DelegatingHandler(new SocketsHttpHandler())
{
    private readonly ConcurrentDictionary<string, Task<Described>> _services = new();

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        var address = request.RequestUri!;
        if (address.AbsolutePath.StartsWith("/v1/", StringComparison.Ordinal))
        {
            var described = await _services.GetOrAdd(address.GetLeftPart(UriPartial.Authority), service => LoadAsync(service, cancellationToken));
            described.Check(request.Method.Method, address.AbsolutePath, (int)response.StatusCode);
        }

        return response;
    }

    private async Task<Described> LoadAsync(string service, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"{service}/openapi/v1.json"));
        using var response = await base.SendAsync(request, cancellation);
        return new Described(JsonElement.Parse(await response.Content.ReadAsStringAsync(cancellation)));
    }

    private sealed class Described(JsonElement document)
    {
        private readonly List<(Regex Path, JsonElement Item)> _paths =
        [
            .. document.GetProperty("paths").EnumerateObject().Select(path =>
                (new Regex($"^{Regex.Replace(path.Name, @"\{\w+\}", "[^/]+")}$"), path.Value)),
        ];

        public void Check(string method, string path, int status)
        {
            var item = _paths.Find(known => known.Path.IsMatch(path)).Item;
            if (item.ValueKind == JsonValueKind.Object && item.TryGetProperty(method.ToLowerInvariant(), out var operation))
            {
                Assert.True(
                    operation.GetProperty("responses").TryGetProperty(status.ToString(CultureInfo.InvariantCulture), out _),
                    $"The OpenAPI document does not describe {status} of {method} {path}.");
            }
        }
    }
}
