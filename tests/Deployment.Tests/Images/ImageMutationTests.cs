using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Deployment.Tests.Checks;
using Deployment.Tests.Model;

namespace Deployment.Tests.Images;

/// <summary>Each rule for images finds what it is there for: the archive of one is broken in memory.</summary>
[Collection(nameof(ImagesOnce))]
public sealed class ImageMutationTests(PublishedImages images)
{
    private const string Image = "accounts-query";
    private const string Label = "org.opencontainers.image.";

    private static readonly Dictionary<string, (Action<OciArchive> Break, string Found)> Mistakes = new()
    {
        ["a file that was changed afterwards"] = (archive => archive.Files[ConfigOf(archive)] = [.. archive.Files[ConfigOf(archive)], (byte)' '], "the digest of blobs/"),
        ["an architecture that is missing"] = (archive => Change(archive, archive.IndexPath, index => ((JsonArray)index["manifests"]!).RemoveAt(1)), "it is for a"),
        ["another layer than was named"] = (archive => Change(archive, ConfigOf(archive), config => config["rootfs"]!["diff_ids"]![1] = "sha256:" + new string('0', 64)), "its layers are not"),
        ["root"] = (archive => Change(archive, ConfigOf(archive), config => config["config"]!["User"] = "0"), "another user"),
        ["another port"] = (archive => Change(archive, ConfigOf(archive), config => config["config"]!["ExposedPorts"] = new JsonObject { ["80/tcp"] = new JsonObject() }), "another port"),
        ["another version"] = (archive => Change(archive, ConfigOf(archive), config => config["config"]!["Labels"]![Label + "version"] = "0.9.0"), "another version"),
        ["an unknown commit"] = (archive => Change(archive, ConfigOf(archive), config => ((JsonObject)config["config"]!["Labels"]!).Remove(Label + "revision")), "no commit"),
        ["no licence"] = (archive => Change(archive, ConfigOf(archive), config => ((JsonObject)config["config"]!["Labels"]!).Remove(Label + "licenses")), "no licence"),
        ["symbols"] = (archive => Repack(archive, add: "app/Accounts.Query.pdb"), "app/Accounts.Query.pdb does not belong"),
        ["settings of a desk"] = (archive => Repack(archive, add: "app/appsettings.Development.json"), "app/appsettings.Development.json does not belong"),
        ["no program"] = (archive => Repack(archive, drop: "app/Accounts.Query.dll"), "its program is missing"),
    };

    public static TheoryData<string> WhatGoesWrong => [.. Mistakes.Keys];

    [Theory]
    [MemberData(nameof(WhatGoesWrong))]
    public void It_is_found(string what)
    {
        var archive = images[Image];
        Mistakes[what].Break(archive);

        Assert.Contains(ImageRules.Findings(archive, Image, Code.Version(Rendering.Scene)), finding => finding.Contains(Mistakes[what].Found, StringComparison.Ordinal));
    }

    private static string ConfigOf(OciArchive archive) => OciArchive.PathOf(archive.Images().First().Manifest.GetProperty("config"));

    private static void Change(OciArchive archive, string file, Action<JsonNode> change)
    {
        var json = JsonNode.Parse(archive.Files[file])!;
        change(json);
        archive.Replace(file, Encoding.UTF8.GetBytes(json.ToJsonString()));
    }

    /// <summary>The layer of the service with a file more, or one less.</summary>
    private static void Repack(OciArchive archive, string? add = null, string? drop = null)
    {
        var layer = archive.Images().First().Manifest.GetProperty("layers")[1];
        using var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(zip))
        {
            foreach (var entry in ImageRules.Entries(archive.Layer(layer)).Where(entry => entry.Name != drop))
            {
                tar.WriteEntry(entry);
            }

            if (add is not null)
            {
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, add) { DataStream = new MemoryStream([1]) });
            }
        }

        archive.Replace(OciArchive.PathOf(layer), packed.ToArray());
    }
}
