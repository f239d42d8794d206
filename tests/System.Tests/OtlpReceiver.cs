using System.Collections.Concurrent;
using System.Text;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using TestSupport;

namespace SystemTests;

/// <summary>A span that was exported.</summary>
public sealed record ExportedSpan(string Service, string TraceId, string Id, string Parent, string Name);

/// <summary>Takes what OpenTelemetry exports over HTTP, and reads of it what tests ask for.</summary>
public sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly ConcurrentQueue<ExportedSpan> _spans = new();
    private readonly ConcurrentDictionary<(string Service, string Meter, string Name), bool> _metrics = new();

    private readonly ConcurrentDictionary<string, (string Name, long Value)> _sums = new();
    private readonly ConcurrentDictionary<(string Service, string Name, string Attributes), bool> _attributes = new();
    private readonly ConcurrentDictionary<string, int> _exports = new();

    private OtlpReceiver(int port)
    {
        Address = new Uri($"http://127.0.0.1:{port}");
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls(Address.ToString());
        _server = builder.Build();
        _server.Run(async http =>
        {
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body);
            Action<byte[]>? read = http.Request.Path.Value switch
            {
                "/v1/traces" => ReadTraces,
                "/v1/metrics" => ReadMetrics,
                _ => null,
            };
            read?.Invoke(body.ToArray());
        });
    }

    public Uri Address { get; }

    public IReadOnlyList<ExportedSpan> Spans => [.. _spans];

    /// <summary>Names of all metrics so far, with the meter and the service they came from.</summary>
    public IReadOnlyCollection<(string Service, string Meter, string Name)> Metrics => [.. _metrics.Keys];

    /// <summary>How often metrics of a service have come in, from whichever of its replicas.</summary>
    public int Exports(string service) => _exports.GetValueOrDefault(service);

    /// <summary>The newest value of a counter, over all processes and attributes.</summary>
    public long Sum(string name) => _sums.Values.Where(sum => sum.Name == name).Sum(sum => sum.Value);

    /// <summary>The attributes that a counter of a service has had, as <c>name=value</c> in the order of their names.</summary>
    public IReadOnlySet<string> Attributes(string service, string name) =>
        _attributes.Keys.Where(point => point.Service == service && point.Name == name).Select(point => point.Attributes).ToHashSet();

    public static async Task<OtlpReceiver> StartAsync()
    {
        var receiver = new OtlpReceiver(FreePorts.Next());
        await receiver._server.StartAsync();
        return receiver;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    // Numbers of the fields: opentelemetry/proto/{trace,metrics,common,resource}/v1.
    private void ReadTraces(byte[] request)
    {
        foreach (var resource in Fields(request, 1))
        {
            var service = ServiceOf(resource);
            foreach (var span in Fields(resource, 2).SelectMany(scope => Fields(scope, 2)))
            {
                _spans.Enqueue(new ExportedSpan(service, Hex(span, 1), Hex(span, 2), Hex(span, 4), Text(span, 5)));
            }
        }
    }

    private void ReadMetrics(byte[] request)
    {
        foreach (var resource in Fields(request, 1))
        {
            var service = ServiceOf(resource);
            _exports.AddOrUpdate(service, 1, (_, before) => before + 1);
            foreach (var scope in Fields(resource, 2))
            {
                var meter = Text(Fields(scope, 1).First(), 1);
                foreach (var metric in Fields(scope, 2))
                {
                    _metrics[(service, meter, Text(metric, 1))] = true;
                    foreach (var point in Fields(metric, 7).SelectMany(sum => Fields(sum, 1)))
                    {
                        var series = string.Concat(Fields(point, 7).Append(Fields(resource, 1)[0]).Select(Convert.ToHexString));
                        var attributes = Fields(point, 7).Select(attribute => $"{Text(attribute, 1)}={Text(Fields(attribute, 2)[0], 1)}");
                        _attributes[(service, Text(metric, 1), string.Join(' ', attributes.Order(StringComparer.Ordinal)))] = true;
                        _sums[Text(metric, 1) + series] = (Text(metric, 1), Integer(point, 6));
                    }
                }
            }
        }
    }

    private static string ServiceOf(byte[] resource) => Fields(resource, 1)
        .SelectMany(r => Fields(r, 1))
        .Where(attribute => Text(attribute, 1) == "service.name")
        .Select(attribute => Text(Fields(attribute, 2).First(), 1))
        .First();

    private static string Text(byte[] message, int field) => Encoding.UTF8.GetString(Fields(message, field).FirstOrDefault() ?? []);

    private static long Integer(byte[] message, int field)
    {
        var input = new CodedInputStream(message);
        for (uint tag; (tag = input.ReadTag()) != 0;)
        {
            if (WireFormat.GetTagFieldNumber(tag) == field && WireFormat.GetTagWireType(tag) == WireFormat.WireType.Fixed64)
            {
                return input.ReadSFixed64();
            }

            input.SkipLastField();
        }

        return 0;
    }

    private static string Hex(byte[] message, int field) => Convert.ToHexStringLower(Fields(message, field).FirstOrDefault() ?? []);

    private static List<byte[]> Fields(byte[] message, int field)
    {
        var found = new List<byte[]>();
        var input = new CodedInputStream(message);
        for (uint tag; (tag = input.ReadTag()) != 0;)
        {
            if (WireFormat.GetTagFieldNumber(tag) == field && WireFormat.GetTagWireType(tag) == WireFormat.WireType.LengthDelimited)
            {
                found.Add(input.ReadBytes().ToByteArray());
            }
            else
            {
                input.SkipLastField();
            }
        }

        return found;
    }
}
