using Accounts.Contracts;
using Deployment.Tests.Model;

namespace Deployment.Tests.Checks;

/// <summary>One address for clients: what changes something goes to the command service, what only looks to the query service.</summary>
internal static class GatewayChecks
{
    private static readonly Dictionary<string, string> Backends = new()
    {
        ["POST"] = AppIds.Command,
        ["PUT"] = AppIds.Command,
        ["PATCH"] = AppIds.Command,
        ["DELETE"] = AppIds.Command,
        ["GET"] = AppIds.Query,
        ["HEAD"] = AppIds.Query,
        ["OPTIONS"] = AppIds.Query,
    };

    public static IEnumerable<Check> List =>
    [
        new(32, "Methods that change something go to the command service, those that only look to the query service, and every other nowhere", Methods),
    ];

    private static void Methods(Scene scene, Report report)
    {
        foreach (var (overlay, route) in scene.Overlays.SelectMany(overlay => overlay.Of("HTTPRoute").Select(route => (overlay, route))))
        {
            var led = new HashSet<string>();
            foreach (var rule in route.Spec.Items("rules"))
            {
                var backends = rule.Items("backendRefs").ToList();
                foreach (var match in rule.Items("matches"))
                {
                    var method = match.Text("method") ?? "any";
                    report.Unless((match.Text("path", "type"), match.Text("path", "value")) == ("PathPrefix", "/v1"), route, match.Get("path") ?? match, "it is for other paths than those of the services, which begin with /v1");
                    report.Unless(Backends.TryGetValue(method, out var wanted) && backends.Count == 1 && backends[0].Text("name") == wanted, route, match, $"{method} goes to {string.Join(", ", backends.Select(backend => backend.Text("name")))}, and not to {Backends.GetValueOrDefault(method, "nobody")}");
                    report.Unless(led.Add(method), route, match, $"{method} is led twice");
                }

                foreach (var backend in backends)
                {
                    report.Unless(overlay.Of("Service").Any(service => service.Name == backend.Text("name") && service.Spec.Items("ports").Any(port => port.Text("port") == backend.Text("port"))), route, backend, $"no Service '{backend.Text("name")}' has the port {backend.Text("port")}");
                }
            }

            foreach (var missing in Backends.Keys.Except(led))
            {
                report.Add(route, route.Spec.Get("rules"), $"{missing} leads nowhere");
            }
        }
    }
}
