using System.Net;
using System.Net.Http.Headers;

namespace TestSupport;

/// <summary>An event of a stream.</summary>
/// <param name="Id">Where the stream is after it.</param>
/// <param name="Name">Its kind.</param>
/// <param name="Data">What it says.</param>
public sealed record StreamEvent(string Id, string Name, string Data);

/// <summary>Reads server-sent events as a browser does, and knows where to go on after a cut.</summary>
public sealed class EventStreamReader : IDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly StreamReader _lines;

    private EventStreamReader(HttpResponseMessage response, StreamReader lines, string? lastId) =>
        (_response, _lines, LastId) = (response, lines, lastId);

    /// <summary>The id to come back with.</summary>
    public string? LastId { get; private set; }

    /// <summary>How many comments have come: signs of life.</summary>
    public int Comments { get; private set; }

    /// <summary>The milliseconds after which the server asks to come back, or null.</summary>
    public string? Retry { get; private set; }

    /// <summary>Opens a stream, and fails unless the answer is one.</summary>
    public static async Task<EventStreamReader> OpenAsync(HttpClient http, string address, string? lastId = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(http);
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        if (lastId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastId);
        }

        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (response.StatusCode != HttpStatusCode.OK || response.Content.Headers.ContentType?.MediaType != "text/event-stream")
        {
            var text = await response.Content.ReadAsStringAsync(cancellation);
            response.Dispose();
            throw new HttpRequestException($"{(int)response.StatusCode}: {text}", null, response.StatusCode);
        }

        return new EventStreamReader(response, new StreamReader(await response.Content.ReadAsStreamAsync(cancellation)), lastId);
    }

    /// <summary>The next event; null when the stream has ended as it should.</summary>
    public async Task<StreamEvent?> NextAsync(CancellationToken cancellation)
    {
        var (name, data) = ("message", (string?)null);
        while (await _lines.ReadLineAsync(cancellation) is { } line)
        {
            switch (line.Split(':', 2))
            {
                case [""] when data is not null:
                    return new StreamEvent(LastId ?? "", name, data);
                case [""]:
                    name = "message";
                    break;
                case ["", _]:
                    Comments++;
                    break;
                case ["id", var value]:
                    LastId = value.TrimStart(' ');
                    break;
                case ["event", var value]:
                    name = value.TrimStart(' ');
                    break;
                case ["data", var value]:
                    data = (data is null ? "" : data + "\n") + value.TrimStart(' ');
                    break;
                case ["retry", var value]:
                    Retry = value.TrimStart(' ');
                    break;
                default:
                    throw new FormatException($"'{line}' is no line of an event stream.");
            }
        }

        return null;
    }

    /// <summary>So many events, or a time-out.</summary>
    public async Task<IReadOnlyList<StreamEvent>> TakeAsync(int count, TimeSpan? within = null)
    {
        using var patience = new CancellationTokenSource(within ?? TimeSpan.FromSeconds(20));
        var events = new List<StreamEvent>();
        while (events.Count < count)
        {
            events.Add(await NextAsync(patience.Token) ?? throw new EndOfStreamException($"The stream ended after {events.Count} of {count} events."));
        }

        return events;
    }

    public void Dispose()
    {
        _lines.Dispose();
        _response.Dispose();
    }
}
