using System.Text.Encodings.Web;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;

namespace Sidecar.Server;

/// <summary>
/// An error as Dapr reports it on both of its APIs: HTTP status with <c>{"errorCode","message"[,"details"]}</c>, gRPC
/// status with the message and, when there are details, the trailer <c>grpc-status-details-bin</c>.
/// </summary>
/// <param name="Code">For instance <c>ERR_STATE_SAVE</c>; only HTTP shows it.</param>
internal sealed record DaprError(string Code, string Message, int HttpStatus, StatusCode GrpcStatus, ErrorDetails? Details = null)
{
    /// <summary>What HTTP says where it differs from gRPC.</summary>
    public string? HttpMessage { get; init; }

    private static readonly JsonWriterOptions _json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The exception that ends a call with this error, on whichever API it came.</summary>
    public DaprFault Fault() => new(this);

    /// <summary>The body of the HTTP answer.</summary>
    public string ToJson()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, _json))
        {
            json.WriteStartObject();
            json.WriteString("errorCode", Code);
            json.WriteString("message", HttpMessage ?? Message);
            Details?.Write(json);
            json.WriteEndObject();
        }

        return EscapeLikeGo(System.Text.Encoding.UTF8.GetString(stream.ToArray()));
    }

    /// <summary>The exception that Grpc.AspNetCore turns into the gRPC status.</summary>
    public RpcException ToRpcException()
    {
        var trailers = new Metadata();
        if (Details is not null)
        {
            var status = new Google.Rpc.Status { Code = (int)GrpcStatus, Message = Message };
            status.Details.AddRange(Details.ToMessages());
            trailers.Add("grpc-status-details-bin", status.ToByteArray());
        }

        return new RpcException(new Grpc.Core.Status(GrpcStatus, Message), trailers);
    }

    /// <summary>Dapr's JSON writer also escapes these three; in JSON they occur only within strings.</summary>
    public static string EscapeLikeGo(string json) =>
        json.Replace("<", "\\u003c", StringComparison.Ordinal)
            .Replace(">", "\\u003e", StringComparison.Ordinal)
            .Replace("&", "\\u0026", StringComparison.Ordinal);
}

/// <summary>What the newer of Dapr's errors add, in the shapes of <c>google.rpc</c>.</summary>
/// <param name="Reason">Reason of the ErrorInfo, for instance <c>DAPR_STATE_NOT_FOUND</c>.</param>
/// <param name="Metadata">Metadata of the ErrorInfo; null is shown as null.</param>
/// <param name="Resource">Name, type and description of the ResourceInfo.</param>
/// <param name="Violation">Field and description of the BadRequest.</param>
internal sealed record ErrorDetails(
    string Reason,
    IReadOnlyDictionary<string, string>? Metadata = null,
    (string Name, string Type, string Description)? Resource = null,
    (string Field, string Description)? Violation = null)
{
    private const string Prefix = "type.googleapis.com/google.rpc.";

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartArray("details");
        if (Violation is { } violation)
        {
            json.WriteStartObject();
            json.WriteString("@type", Prefix + "BadRequest");
            json.WriteStartArray("field_violations");
            json.WriteStartObject();
            json.WriteString("field", violation.Field);
            json.WriteString("description", violation.Description);
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }

        if (Resource is { } resource)
        {
            json.WriteStartObject();
            json.WriteString("@type", Prefix + "ResourceInfo");
            json.WriteString("description", resource.Description);
            json.WriteString("owner", "");
            json.WriteString("resource_name", resource.Name);
            json.WriteString("resource_type", resource.Type);
            json.WriteEndObject();
        }

        json.WriteStartObject();
        json.WriteString("@type", Prefix + "ErrorInfo");
        json.WriteString("domain", "dapr.io");
        json.WritePropertyName("metadata");
        if (Metadata is null)
        {
            json.WriteNullValue();
        }
        else
        {
            json.WriteStartObject();
            foreach (var (key, value) in Metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
            {
                json.WriteString(key, value);
            }

            json.WriteEndObject();
        }

        json.WriteString("reason", Reason);
        json.WriteEndObject();
        json.WriteEndArray();
    }

    public IEnumerable<Any> ToMessages()
    {
        var info = new ErrorInfo { Domain = "dapr.io", Reason = Reason };
        foreach (var (key, value) in Metadata ?? new Dictionary<string, string>())
        {
            info.Metadata[key] = value;
        }

        yield return Any.Pack(info);
        if (Resource is { } resource)
        {
            yield return Any.Pack(new ResourceInfo
            {
                ResourceName = resource.Name,
                ResourceType = resource.Type,
                Description = resource.Description,
            });
        }

        if (Violation is { } violation)
        {
            var bad = new BadRequest();
            bad.FieldViolations.Add(new BadRequest.Types.FieldViolation
            {
                Field = violation.Field,
                Description = violation.Description,
            });
            yield return Any.Pack(bad);
        }
    }
}

/// <summary>Ends a call with a <see cref="DaprError"/>; the servers turn it into the answer of their API.</summary>
internal sealed class DaprFault(DaprError error) : Exception(error.Message)
{
    public DaprError Error { get; } = error;
}
