using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace ServiceDefaults;

/// <summary>
/// An answer in JSON, in one piece and with its length. The framework's own result makes a logger for each answer, writes in
/// pieces, and cannot know the length.
/// </summary>
/// <param name="body">What is answered.</param>
/// <param name="json">How it is written.</param>
/// <param name="contentType">See <see cref="Negotiation.AnswerType"/>.</param>
/// <param name="status">The status.</param>
public sealed class JsonAnswer<T>(T body, JsonTypeInfo<T> json, string? contentType, int status = StatusCodes.Status200OK) : IResult
{
    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        ArgumentNullException.ThrowIfNull(httpContext);
        var bytes = JsonSerializer.SerializeToUtf8Bytes(body, json);
        var response = httpContext.Response;
        response.StatusCode = status;
        response.ContentType = contentType;
        response.ContentLength = bytes.Length;
        return response.Body.WriteAsync(bytes, 0, bytes.Length);
    }
}
