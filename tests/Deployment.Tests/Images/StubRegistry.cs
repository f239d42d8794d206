using System.Collections.Concurrent;
using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using TestSupport;

namespace Deployment.Tests.Images;

/// <summary>
/// A registry that holds one base image, made by hand: both architectures, with one file and the environment of Microsoft's. It takes what is
/// pushed to it.
/// </summary>
internal sealed class StubRegistry : IAsyncDisposable
{
    private const string Manifest = "application/vnd.oci.image.manifest.v1+json";
    private const string Index = "application/vnd.oci.image.index.v1+json";
    private static readonly string[] Architectures = ["amd64", "arm64"];
    private static readonly string[] Environment = ["PATH=/usr/bin", "APP_UID=1654", "ASPNETCORE_HTTP_PORTS=8080"];
    private readonly ConcurrentDictionary<string, (string Type, byte[] Bytes)> _content = [];
    private readonly ConcurrentDictionary<string, byte[]> _uploads = [];
    private readonly WebApplication _server;

    private StubRegistry(int port)
    {
        BaseImage = $"localhost:{port}/base/aspnet:10.0";
        var (layer, diff) = Layer();
        var manifests = Architectures.Select(architecture =>
        {
            var config = Put("application/vnd.oci.image.config.v1+json", new
            {
                architecture,
                os = "linux",
                config = new { Env = Environment },
                rootfs = new { type = "layers", diff_ids = new[] { diff } },
                history = Array.Empty<object>(),
            });
            var (digest, size) = Put(Manifest, new { schemaVersion = 2, mediaType = Manifest, config = Reference("application/vnd.oci.image.config.v1+json", config), layers = new[] { Reference("application/vnd.oci.image.layer.v1.tar+gzip", layer) } });
            return new { mediaType = Manifest, digest, size, platform = new { architecture, os = "linux" } };
        }).ToArray();
        _content["10.0"] = _content[Put(Index, new { schemaVersion = 2, mediaType = Index, manifests }).Digest];

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls($"http://127.0.0.1:{port}");
        _server = builder.Build();
        _server.Run(context => context.Request.Method switch
        {
            "POST" => Answer(context, 202, $"{context.Request.Path.Value!.TrimEnd('/')}/{Guid.NewGuid():N}"),
            "PATCH" => TakeAsync(context, end: false),
            "PUT" when context.Request.Path.Value!.Contains("/manifests/", StringComparison.Ordinal) => TakeManifestAsync(context),
            "PUT" => TakeAsync(context, end: true),
            _ => GiveAsync(context),
        });
    }

    public string BaseImage { get; }

    /// <summary>Host and port.</summary>
    public string Host => BaseImage.Split('/')[0];

    /// <summary>The digest that was pushed under a name and a tag; null when nothing was.</summary>
    public string? Pushed(string name, string tag) => _content.TryGetValue($"/v2/{name}/manifests/{tag}", out var found) ? Digest(found.Bytes) : null;

    public static async Task<StubRegistry> StartAsync()
    {
        var registry = new StubRegistry(FreePorts.Next());
        await registry._server.StartAsync();
        return registry;
    }

    public static string Digest(ReadOnlySpan<byte> bytes) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static Task Answer(HttpContext context, int status, string? location = null)
    {
        context.Response.StatusCode = status;
        if (location is not null)
        {
            context.Response.Headers.Location = location;
            context.Response.Headers.Range = "0-0";
        }

        return Task.CompletedTask;
    }

    private async Task GiveAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        if (!_content.TryGetValue(path, out var found) && !_content.TryGetValue(path.Split('/')[^1], out found))
        {
            await Answer(context, path == "/v2/" ? 200 : 404);
            return;
        }

        context.Response.ContentType = found.Type;
        context.Response.ContentLength = found.Bytes.Length;
        context.Response.Headers["Docker-Content-Digest"] = Digest(found.Bytes);
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(found.Bytes);
        }
    }

    /// <summary>A part of a blob, or its last one: then its digest is held against what came.</summary>
    private async Task TakeAsync(HttpContext context, bool end)
    {
        var path = context.Request.Path.Value!;
        var bytes = _uploads.GetValueOrDefault(path, []).Concat(await BodyAsync(context)).ToArray();
        _uploads[path] = bytes;
        if (!end)
        {
            await Answer(context, 202, path);
            return;
        }

        var right = context.Request.Query["digest"] == Digest(bytes);
        if (right)
        {
            _content[Digest(bytes)] = ("application/octet-stream", bytes);
        }

        await Answer(context, right ? 201 : 400, right ? $"/v2/blobs/{Digest(bytes)}" : null);
    }

    private async Task TakeManifestAsync(HttpContext context)
    {
        var bytes = await BodyAsync(context);
        _content[context.Request.Path.Value!] = _content[Digest(bytes)] = (context.Request.ContentType!, bytes);
        context.Response.Headers["Docker-Content-Digest"] = Digest(bytes);
        await Answer(context, 201);
    }

    private static async Task<byte[]> BodyAsync(HttpContext context)
    {
        using var bytes = new MemoryStream();
        await context.Request.Body.CopyToAsync(bytes, context.RequestAborted);
        return bytes.ToArray();
    }

    private ((string Digest, int Size) Layer, string Diff) Layer()
    {
        using var tar = new MemoryStream();
        using (var writer = new TarWriter(tar, leaveOpen: true))
        {
            writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "etc/passwd") { DataStream = new MemoryStream("app:x:1654:1654::/app:/bin/false\n"u8.ToArray()) });
        }

        using var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            zip.Write(tar.ToArray());
        }

        var digest = Digest(packed.ToArray());
        _content[digest] = ("application/octet-stream", packed.ToArray());
        return ((digest, (int)packed.Length), Digest(tar.ToArray()));
    }

    private static object Reference(string mediaType, (string Digest, int Size) blob) => new { mediaType, digest = blob.Digest, size = blob.Size };

    private (string Digest, int Size) Put(string type, object json)
    {
        var bytes = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(json));
        _content[Digest(bytes)] = (type, bytes);
        return (Digest(bytes), bytes.Length);
    }
}
