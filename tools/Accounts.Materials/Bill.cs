using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace Accounts.Materials;

/// <summary>
/// A bill of materials in the form of CycloneDX 1.6, made of nothing but the build's own files: what the published program
/// loads, with versions and hashes (<c>*.deps.json</c>), its frameworks, and the licences that packages declare. The same
/// program has the same bill, byte for byte.
/// </summary>
internal static class Bill
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static string Of(string depsFile, string assetsFile)
    {
        var deps = JsonNode.Parse(File.ReadAllText(depsFile))!;
        var packages = JsonNode.Parse(File.ReadAllText(assetsFile))!["packageFolders"]!.AsObject().Select(folder => folder.Key).ToList();
        var target = deps["targets"]![deps["runtimeTarget"]!["name"]!.GetValue<string>()]!.AsObject();
        var libraries = deps["libraries"]!.AsObject();
        var program = target.First().Key;

        var components = libraries.Where(library => library.Key != program)
            .Select(library => Component(library.Key, library.Value!, packages))
            .Concat(Frameworks(Path.ChangeExtension(depsFile, null)[..^".deps".Length] + ".runtimeconfig.json"))
            .ToArray<JsonNode?>();
        var bill = new JsonObject
        {
            ["bomFormat"] = "CycloneDX",
            ["specVersion"] = "1.6",
            ["serialNumber"] = $"urn:uuid:{new Guid(SHA256.HashData(Encoding.UTF8.GetBytes(deps.ToJsonString())).AsSpan(0, 16))}",
            ["version"] = 1,
            ["metadata"] = new JsonObject { ["component"] = Named("application", program) },
            ["components"] = new JsonArray(components),
            ["dependencies"] = new JsonArray([.. target.Select(entry => Dependency(entry.Key, entry.Value!))]),
        };
        return bill.ToJsonString(Indented);
    }

    private static JsonObject Named(string type, string key)
    {
        var (name, version) = Split(key);
        return new JsonObject { ["type"] = type, ["bom-ref"] = key, ["name"] = name, ["version"] = version };
    }

    private static JsonObject Component(string key, JsonNode library, List<string> packages)
    {
        var component = Named("library", key);
        if (library["type"]!.GetValue<string>() != "package")
        {
            return component;
        }

        var (name, version) = Split(key);
        component["purl"] = $"pkg:nuget/{name}@{version}";
        if (library["sha512"]?.GetValue<string>() is { Length: > 0 } hash)
        {
            var content = Convert.ToHexStringLower(Convert.FromBase64String(hash[(hash.IndexOf('-', StringComparison.Ordinal) + 1)..]));
            component["hashes"] = new JsonArray(new JsonObject { ["alg"] = "SHA-512", ["content"] = content });
        }

        if (License(name, version, packages) is { } license)
        {
            component["licenses"] = new JsonArray(license);
        }

        return component;
    }

    /// <summary>The licence as the package declares it: an expression, else an address.</summary>
    private static JsonObject? License(string name, string version, List<string> packages)
    {
        var id = name.ToLowerInvariant();
        var file = packages.Select(folder => Path.Combine(folder, id, version.ToLowerInvariant(), id + ".nuspec")).FirstOrDefault(File.Exists);
        if (file is null)
        {
            return null;
        }

        var metadata = XDocument.Load(file).Root!.Elements().First(element => element.Name.LocalName == "metadata").Elements().ToList();
        var license = metadata.Find(element => element.Name.LocalName == "license");
        return license?.Attribute("type")?.Value == "expression" ? new JsonObject { ["expression"] = license.Value }
            : metadata.Find(element => element.Name.LocalName == "licenseUrl")?.Value is { Length: > 0 } address ? new JsonObject { ["license"] = new JsonObject { ["name"] = "as declared", ["url"] = address } }
            : null;
    }

    private static IEnumerable<JsonObject> Frameworks(string configFile)
    {
        var options = JsonNode.Parse(File.ReadAllText(configFile))!["runtimeOptions"]!;
        var frameworks = options["frameworks"]?.AsArray() ?? [options["framework"]!.DeepClone()];
        return frameworks.Select(framework => Named("framework", $"{framework!["name"]}/{framework["version"]}"));
    }

    private static JsonObject Dependency(string key, JsonNode entry) => new()
    {
        ["ref"] = key,
        ["dependsOn"] = new JsonArray([.. (entry["dependencies"]?.AsObject() ?? []).Select(dependency => (JsonNode)$"{dependency.Key}/{dependency.Value}")]),
    };

    private static (string Name, string Version) Split(string key) => key.Split('/') is [var name, var version] ? (name, version) : (key, "");
}
