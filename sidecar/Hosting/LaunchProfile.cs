using System.Text.Json;
using Sidecar.Configuration;

namespace Sidecar.Hosting;

/// <summary>What <c>dotnet run</c> takes from <c>Properties/launchSettings.json</c>.</summary>
internal sealed record LaunchProfile(IReadOnlyDictionary<string, string> Environment, string? Arguments)
{
    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>The named profile, or the first that runs the project; null when there is none.</summary>
    public static LaunchProfile? Read(string project, string? name, Section source, Findings findings)
    {
        var file = Path.Combine(Path.GetDirectoryName(project)!, "Properties", "launchSettings.json");
        if (!File.Exists(file))
        {
            return null;
        }

        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(file), Lenient);
            if (!document.RootElement.TryGetProperty("profiles", out var profiles))
            {
                return null;
            }

            foreach (var profile in profiles.EnumerateObject())
            {
                if (Text(profile.Value, "commandName") == "Project" && (name is null || profile.Name == name))
                {
                    return From(profile);
                }
            }

            if (name is not null)
            {
                source.Error("command", $"'{file}' has no launch profile '{name}'", "Correct --launch-profile, or use --no-launch-profile.");
            }
        }
        catch (Exception e) when (e is JsonException or IOException or InvalidOperationException)
        {
            findings.Error(new Place(file, 0), source.Name, $"broken launch settings: {e.Message.TrimEnd('.')}", "Correct the file, or use --no-launch-profile.");
        }

        return null;
    }

    private static LaunchProfile From(JsonProperty profile)
    {
        var environment = new Dictionary<string, string> { ["DOTNET_LAUNCH_PROFILE"] = profile.Name };
        if (Text(profile.Value, "applicationUrl") is { Length: > 0 } addresses)
        {
            environment["ASPNETCORE_URLS"] = addresses;
        }

        if (profile.Value.TryGetProperty("environmentVariables", out var variables))
        {
            foreach (var variable in variables.EnumerateObject())
            {
                environment[variable.Name] = variable.Value.GetString() ?? "";
            }
        }

        return new LaunchProfile(environment, Text(profile.Value, "commandLineArgs"));
    }

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
