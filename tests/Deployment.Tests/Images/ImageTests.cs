using System.Diagnostics;
using System.Formats.Tar;
using System.Net;
using System.Text.Json;
using TestSupport;

namespace Deployment.Tests.Images;

/// <summary>The images, made by the script from a base image of our own, because the public one may be out of reach.</summary>
public sealed class ImageTests(PublishedImages images) : IClassFixture<PublishedImages>
{
    private static readonly string[] Endings = [".dll", ".deps.json", ".runtimeconfig.json", ".staticwebassets.endpoints.json"];

    public static TheoryData<string> Names => PublishedImages.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void An_archive_holds_both_architectures_and_its_digests_are_true(string image)
    {
        var archive = images[image];

        Assert.Equal(["amd64", "arm64"], archive.Images().Select(one => one.Architecture).Order(StringComparer.Ordinal));
        Assert.All(archive.Files.Where(file => file.Key.StartsWith("blobs/sha256/", StringComparison.Ordinal)), blob => Assert.Equal("sha256:" + Path.GetFileName(blob.Key), StubRegistry.Digest(blob.Value)));
        foreach (var (_, manifest) in archive.Images())
        {
            var expected = archive.Blob(manifest.GetProperty("config")).GetProperty("rootfs").GetProperty("diff_ids").EnumerateArray().Select(diff => diff.GetString());
            Assert.Equal(expected, manifest.GetProperty("layers").EnumerateArray().Select(layer => StubRegistry.Digest(archive.Layer(layer))));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_program_runs_without_rights_on_the_port_that_everything_else_names(string image)
    {
        foreach (var (_, manifest) in images[image].Images())
        {
            var config = images[image].Blob(manifest.GetProperty("config")).GetProperty("config");

            Assert.Equal("1654", config.GetProperty("User").GetString());
            Assert.Equal(["8080/tcp"], config.GetProperty("ExposedPorts").EnumerateObject().Select(port => port.Name));
            Assert.Contains("ASPNETCORE_HTTP_PORTS=8080", config.GetProperty("Env").EnumerateArray().Select(variable => variable.GetString()));
            Assert.Equal("1.0.0", config.GetProperty("Labels").GetProperty("org.opencontainers.image.version").GetString());
            Assert.Matches("^[0-9a-f]{40}$", config.GetProperty("Labels").GetProperty("org.opencontainers.image.revision").GetString());
            Assert.Equal("MIT", config.GetProperty("Labels").GetProperty("org.opencontainers.image.licenses").GetString());
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void An_image_holds_what_runs_and_nothing_else(string image)
    {
        foreach (var (_, manifest) in images[image].Images())
        {
            var files = Entries(images[image].Layer(manifest.GetProperty("layers")[1])).Where(entry => entry.EntryType == TarEntryType.RegularFile).Select(entry => entry.Name).ToList();

            Assert.Contains($"app/{Program(image)}.dll", files);
            Assert.DoesNotContain(files, file => !file.StartsWith("app/", StringComparison.Ordinal) || !Endings.Any(ending => file.EndsWith(ending, StringComparison.Ordinal)));
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void The_bill_of_materials_names_whatever_is_in_the_image(string image)
    {
        var archive = images[image];
        var files = Entries(archive.Layer(archive.Images().First().Manifest.GetProperty("layers")[1])).ToDictionary(entry => Path.GetFileName(entry.Name), entry => entry.DataStream);
        var deps = JsonDocument.Parse(files[$"{Program(image)}.deps.json"]!).RootElement;
        var bill = JsonDocument.Parse(images.BillOf(image)).RootElement;
        var components = bill.GetProperty("components").EnumerateArray().ToList();
        var named = components.Select(component => component.GetProperty("bom-ref").GetString()).Append(bill.GetProperty("metadata").GetProperty("component").GetProperty("bom-ref").GetString());

        Assert.Equal(("CycloneDX", "1.6"), (bill.GetProperty("bomFormat").GetString(), bill.GetProperty("specVersion").GetString()));
        Assert.Empty(deps.GetProperty("libraries").EnumerateObject().Select(library => library.Name).Except(named));
        Assert.Contains(components, component => component.GetProperty("type").GetString() == "framework" && component.GetProperty("name").GetString() == "Microsoft.AspNetCore.App");
        var packages = components.Where(component => component.TryGetProperty("purl", out _)).ToList();
        Assert.NotEmpty(packages);
        Assert.All(packages, package => Assert.Matches("^[0-9a-f]{128}$", package.GetProperty("hashes")[0].GetProperty("content").GetString()));
        Assert.All(packages, package => Assert.True(package.TryGetProperty("licenses", out _), package.GetProperty("name").GetString()));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_program_from_the_layers_of_its_image_is_alive(string image)
    {
        using var folder = new TemporaryFolder();
        var (_, manifest) = images[image].Images().Single(one => one.Architecture == "amd64");
        foreach (var layer in manifest.GetProperty("layers").EnumerateArray())
        {
            await TarFile.ExtractToDirectoryAsync(new MemoryStream(images[image].Layer(layer)), folder.Location, overwriteFiles: true, TestContext.Current.CancellationToken);
        }

        var port = FreePorts.Next();
        var start = new ProcessStartInfo("dotnet", [folder.At("app", Program(image) + ".dll")])
        {
            WorkingDirectory = folder.At("app"),
            RedirectStandardOutput = true,
            Environment = { ["ASPNETCORE_HTTP_PORTS"] = $"{port}", ["DOTNET_EnableDiagnostics"] = "0" },
        };
        using var program = Process.Start(start)!;
        try
        {
            _ = program.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            using var client = new HttpClient();
            var answer = await Eventually.Gives(() => client.GetAsync(new Uri($"http://127.0.0.1:{port}/healthz/live")));
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        }
        finally
        {
            program.Kill();
            await program.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static string Program(string image) => string.Join('.', image.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    private static List<TarEntry> Entries(byte[] layer)
    {
        using var tar = new TarReader(new MemoryStream(layer));
        var entries = new List<TarEntry>();
        while (tar.GetNextEntry(copyData: true) is { } entry)
        {
            entries.Add(entry);
        }

        return entries;
    }
}
