using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json.Nodes;
using Accounts.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;

namespace ServiceDefaults;

/// <summary>What an endpoint tells the OpenAPI document; <c>/openapi/v1.json</c> has every status with its meaning.</summary>
public static class OpenApi
{
    /// <summary>A header that the endpoint reads.</summary>
    public static TBuilder Reads<TBuilder>(this TBuilder builder, string header, string meaning)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new RequestHeader(header, meaning));

    /// <summary>A header of the endpoint's answers with this status.</summary>
    public static TBuilder Sends<TBuilder>(this TBuilder builder, int status, string header, string meaning)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new ResponseHeader(status, header, meaning));

    /// <summary>An answer without a body.</summary>
    public static TBuilder Answers<TBuilder>(this TBuilder builder, int status, string meaning)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new ProducesResponseTypeMetadata(status, typeof(void)) { Description = meaning });

    /// <summary>An answer with a body; JSON and HAL unless media types are given.</summary>
    public static RouteHandlerBuilder Answers<TBody>(this RouteHandlerBuilder builder, int status, string meaning, params string[] types) =>
        builder.WithMetadata(new ProducesResponseTypeMetadata(status, typeof(TBody), types is [] ? [MediaTypes.Json, MediaTypes.Hal] : types) { Description = meaning });

    /// <summary>A refusal, as a problem.</summary>
    public static TBuilder Refuses<TBuilder>(this TBuilder builder, int status, string meaning)
        where TBuilder : IEndpointConventionBuilder =>
        builder.WithMetadata(new ProducesResponseTypeMetadata(status, typeof(Problem), [MediaTypes.Problem]) { Description = meaning });

    internal static void AddOpenApiDocument(this IServiceCollection services, string title, string purpose) =>
        services.AddOpenApi("v1", options =>
        {
            options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
            options.AddDocumentTransformer((document, _, _) =>
            {
                document.Info = new OpenApiInfo { Title = title, Version = "v1", Description = purpose, License = new OpenApiLicense { Name = "MIT", Identifier = "MIT" } };
                return Task.CompletedTask;
            });
            options.AddSchemaTransformer((schema, context, _) =>
            {
                if (context.JsonPropertyInfo?.AttributeProvider?.GetCustomAttributes(typeof(AllowedValuesAttribute), inherit: false) is [AllowedValuesAttribute allowed])
                {
                    schema.Enum = [.. allowed.Values.Select(value => JsonValue.Create(value as string)!)];
                }

                return Task.CompletedTask;
            });
            options.AddOperationTransformer((operation, context, _) =>
            {
                // One endpoint for GET and HEAD makes two operations, whose ids must differ.
                if (context.Description.HttpMethod == HttpMethods.Head)
                {
                    operation.OperationId = $"{operation.OperationId}Head";
                }

                var metadata = context.Description.ActionDescriptor.EndpointMetadata;

                // The framework describes a status by its reason phrase. An endpoint's own words come after its group's.
                foreach (var answer in metadata.OfType<ProducesResponseTypeMetadata>())
                {
                    if (Response(operation, answer.StatusCode) is { } response && answer.Description is { } meaning)
                    {
                        response.Description = meaning;
                    }
                }

                foreach (var header in metadata.OfType<RequestHeader>())
                {
                    (operation.Parameters ??= []).Add(new OpenApiParameter { Name = header.Name, In = ParameterLocation.Header, Description = header.Meaning, Schema = Text() });
                }

                foreach (var header in metadata.OfType<ResponseHeader>())
                {
                    if (Response(operation, header.Status) is { } response)
                    {
                        (response.Headers ??= new Dictionary<string, IOpenApiHeader>())[header.Name] = new OpenApiHeader { Description = header.Meaning, Schema = Text() };
                    }
                }

                return Task.CompletedTask;
            });
        });

    private static OpenApiResponse? Response(OpenApiOperation operation, int status) =>
        operation.Responses?.GetValueOrDefault(status.ToString(CultureInfo.InvariantCulture)) as OpenApiResponse;

    private static OpenApiSchema Text() => new() { Type = JsonSchemaType.String };

    private sealed record RequestHeader(string Name, string Meaning);

    private sealed record ResponseHeader(int Status, string Name, string Meaning);
}
