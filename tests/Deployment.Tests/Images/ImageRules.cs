using System.Formats.Tar;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Deployment.Tests.Images;

/// <summary>What an archive of an image must be.</summary>
internal static partial class ImageRules
{
    private static readonly string[] Architectures = ["amd64", "arm64"];
    private static readonly string[] Endings = [".dll", ".deps.json", ".runtimeconfig.json", ".staticwebassets.endpoints.json"];

    /// <summary>What is wrong with an archive, a line each.</summary>
    public static IEnumerable<string> Findings(OciArchive archive, string image, string version) =>
        [.. Digests(archive), .. archive.Images().SelectMany(one => Of(archive, one.Manifest, image, version).Select(finding => $"{one.Architecture}: {finding}"))];

    /// <summary>What is in a layer.</summary>
    public static List<TarEntry> Entries(byte[] layer)
    {
        using var tar = new TarReader(new MemoryStream(layer));
        var entries = new List<TarEntry>();
        while (tar.GetNextEntry(copyData: true) is { } entry)
        {
            entries.Add(entry);
        }

        return entries;
    }

    /// <summary>The program of an image, without its ending.</summary>
    public static string Program(string image) => string.Join('.', image.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    private static IEnumerable<string> Digests(OciArchive archive)
    {
        foreach (var blob in archive.Files.Where(file => file.Key.StartsWith("blobs/sha256/", StringComparison.Ordinal) && "sha256:" + Path.GetFileName(file.Key) != StubRegistry.Digest(file.Value)))
        {
            yield return $"the digest of {blob.Key} is another";
        }

        var architectures = archive.Images().Select(one => one.Architecture).Order(StringComparer.Ordinal).ToList();
        if (!architectures.SequenceEqual(Architectures))
        {
            yield return $"it is for {string.Join(", ", architectures)}";
        }
    }

    private static IEnumerable<string> Of(OciArchive archive, JsonElement manifest, string image, string version)
    {
        var whole = archive.Blob(manifest.GetProperty("config"));
        var layers = manifest.GetProperty("layers").EnumerateArray().ToList();
        if (!whole.GetProperty("rootfs").GetProperty("diff_ids").EnumerateArray().Select(diff => diff.GetString()).SequenceEqual(layers.Select(layer => StubRegistry.Digest(archive.Layer(layer)))))
        {
            yield return "its layers are not those that its configuration names";
        }

        var config = whole.GetProperty("config");
        (string What, bool Holds)[] rules =
        [
            ("it runs as another user than 1654", config.GetProperty("User").GetString() == "1654"),
            ("it listens on another port than 8080", config.GetProperty("ExposedPorts").EnumerateObject().Select(port => port.Name).SequenceEqual(["8080/tcp"]) && config.GetProperty("Env").EnumerateArray().Any(variable => variable.GetString() == "ASPNETCORE_HTTP_PORTS=8080")),
            ("its label names another version", Label(config, "version") == version),
            ("its label names no commit", Commit().IsMatch(Label(config, "revision"))),
            ("its label names no licence", Label(config, "licenses") == "MIT"),
        ];
        foreach (var (what, _) in rules.Where(rule => !rule.Holds))
        {
            yield return what;
        }

        var files = Entries(archive.Layer(layers[1])).Where(entry => entry.EntryType == TarEntryType.RegularFile).Select(entry => entry.Name).ToList();
        if (!files.Contains($"app/{Program(image)}.dll"))
        {
            yield return "its program is missing";
        }

        foreach (var file in files.Where(file => !file.StartsWith("app/", StringComparison.Ordinal) || !Endings.Any(ending => file.EndsWith(ending, StringComparison.Ordinal))))
        {
            yield return $"{file} does not belong into it";
        }
    }

    private static string Label(JsonElement config, string name) =>
        config.GetProperty("Labels").TryGetProperty("org.opencontainers.image." + name, out var label) ? label.GetString() ?? "" : "";

    [GeneratedRegex("^[0-9a-f]{40}$")]
    private static partial Regex Commit();
}
