using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;

namespace TestSupport;

/// <summary>The routes of a service that ask for its token, found in the running service: none can be forgotten.</summary>
public static class RoutesForSidecars
{
    private static readonly string[] ForAll = ["healthz", "openapi"];
    private static readonly string[] ForClients = ["v1"];

    /// <summary>Method and path of each that is neither for clients nor for probes, with something in the place of every parameter.</summary>
    public static IReadOnlyList<(HttpMethod Method, string Path)> Of(IServiceProvider services) => Except(services, [.. ForAll, .. ForClients]);

    /// <summary>The same of a service that clients have no business with.</summary>
    public static IReadOnlyList<(HttpMethod Method, string Path)> OfServiceForOperators(IServiceProvider services) => Except(services, ForAll);

    private static IReadOnlyList<(HttpMethod Method, string Path)> Except(IServiceProvider services, string[] open) =>
    [
        .. services.GetServices<EndpointDataSource>()
            .SelectMany(source => source.Endpoints)
            .OfType<RouteEndpoint>()
            .Where(endpoint => !open.Contains(Segment(endpoint.RoutePattern.PathSegments[0])))
            .SelectMany(endpoint => Methods(endpoint).Select(method => (new HttpMethod(method), Path(endpoint.RoutePattern))))
            .Distinct(),
    ];

    private static IReadOnlyList<string> Methods(RouteEndpoint endpoint) =>
        endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods is { Count: > 0 } methods ? methods : ["GET"];

    private static string Path(RoutePattern pattern) => "/" + string.Join('/', pattern.PathSegments.Select(Segment));

    private static string Segment(RoutePatternPathSegment segment) =>
        string.Concat(segment.Parts.Select(part => part is RoutePatternLiteralPart literal ? literal.Content : "0"));
}
