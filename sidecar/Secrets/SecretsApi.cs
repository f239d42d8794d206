using System.Text;
using System.Text.Json;
using Dapr.Client.Autogen.Grpc.v1;
using Sidecar.Server;

namespace Sidecar.Secrets;

/// <summary>Reading one secret or all of a store.</summary>
internal static class SecretsApi
{
    private static readonly JsonSerializerOptions _json = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Map(IEndpointRouteBuilder routes, AppSidecar sidecar)
    {
        routes.MapGet("/v1.0/secrets/{store}/bulk", http => AnswerAsync(http, sidecar.Secrets.GetAll(http.Param("store"))));
        routes.MapGet("/v1.0/secrets/{store}/{**name}", http =>
            AnswerAsync(http, sidecar.Secrets.Get(http.Param("store"), http.Param("name"))));
    }

    public static void Map(GrpcMethods methods, AppSidecar sidecar)
    {
        methods.Unary<GetSecretRequest, GetSecretResponse>("GetSecret", (request, _) =>
        {
            var response = new GetSecretResponse();
            response.Data.Add(sidecar.Secrets.Get(request.StoreName, request.Key).ToDictionary());
            return Task.FromResult(response);
        });
        methods.Unary<GetBulkSecretRequest, GetBulkSecretResponse>("GetBulkSecret", (request, _) =>
        {
            var response = new GetBulkSecretResponse();
            foreach (var (name, values) in sidecar.Secrets.GetAll(request.StoreName))
            {
                response.Data[name] = new SecretResponse();
                response.Data[name].Secrets.Add(values.ToDictionary());
            }

            return Task.FromResult(response);
        });
    }

    private static Task AnswerAsync<T>(HttpContext http, IReadOnlyDictionary<string, T> values)
    {
        var sorted = new SortedDictionary<string, T>(values.ToDictionary(), StringComparer.Ordinal);
        var text = DaprError.EscapeLikeGo(JsonSerializer.Serialize(sorted, _json)) + "\n";
        return http.AnswerJsonAsync(StatusCodes.Status200OK, Encoding.UTF8.GetBytes(text));
    }
}
