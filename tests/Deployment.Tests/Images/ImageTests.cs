using System.Diagnostics;
using System.Formats.Tar;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Deployment.Tests.Checks;
using Deployment.Tests.Model;
using TestSupport;

namespace Deployment.Tests.Images;

/// <summary>The images, made by the script from a base image of our own, because the public one may be out of reach.</summary>
[Collection(nameof(ImagesOnce))]
public sealed class ImageTests(PublishedImages images)
{
    public static TheoryData<string> Names => PublishedImages.Names;

    [Theory]
    [MemberData(nameof(Names))]
    public void An_archive_is_true_to_its_digests_and_holds_what_runs_without_rights_and_nothing_else(string image) =>
        Assert.Empty(ImageRules.Findings(images[image], image, Code.Version(Rendering.Scene)));

    [Fact]
    public async Task An_image_that_is_made_twice_has_the_same_contents()
    {
        var again = await PublishedImages.AgainAsync("Accounts.Query", "accounts-query");

        Assert.Equal(Contents(images["accounts-query"]), Contents(again));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Both_architectures_have_the_code_that_was_compiled_once(string image)
    {
        var code = Contents(images[image]).Where(entry => entry.Contains($" app/{ImageRules.Program(image)}.dll ", StringComparison.Ordinal)).ToList();

        Assert.Equal(2, code.Count);
        Assert.Single(code.Select(entry => entry[entry.IndexOf(' ', StringComparison.Ordinal)..]).Distinct());
    }

    /// <summary>All that an image holds, but for when it was made.</summary>
    private static IEnumerable<string> Contents(OciArchive archive) => archive.Images().SelectMany(one =>
        one.Manifest.GetProperty("layers").EnumerateArray().SelectMany((layer, index) => ImageRules.Entries(archive.Layer(layer)).Select(entry =>
            $"{one.Architecture} {index} {entry.Name} {entry.EntryType} {entry.Mode} {entry.Uid} {entry.Gid} {(entry.DataStream is { } data ? Convert.ToHexStringLower(SHA256.HashData(data)) : "")}")));

    [Theory]
    [MemberData(nameof(Names))]
    public void The_bill_of_materials_names_whatever_is_in_the_image(string image)
    {
        var archive = images[image];
        var files = ImageRules.Entries(archive.Layer(archive.Images().First().Manifest.GetProperty("layers")[1])).ToDictionary(entry => Path.GetFileName(entry.Name), entry => entry.DataStream);
        var deps = JsonDocument.Parse(files[$"{ImageRules.Program(image)}.deps.json"]!).RootElement;
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
        var start = new ProcessStartInfo("dotnet", [folder.At("app", ImageRules.Program(image) + ".dll")])
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
}
