using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace Deployment.Tests.Images;

/// <summary>An archive by the OCI image layout.</summary>
internal sealed class OciArchive
{
    public OciArchive(string file)
    {
        using var stream = File.OpenRead(file);
        using var tar = new TarReader(stream);
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.DataStream is { } data)
            {
                using var bytes = new MemoryStream();
                data.CopyTo(bytes);
                Files[entry.Name.TrimStart('.', '/')] = bytes.ToArray();
            }
        }
    }

    /// <summary>All files of the archive.</summary>
    public Dictionary<string, byte[]> Files { get; } = [];

    /// <summary>The images by architecture.</summary>
    public IEnumerable<(string Architecture, JsonElement Manifest)> Images()
    {
        var outer = Json("index.json").GetProperty("manifests").EnumerateArray().Single();
        return Blob(outer).GetProperty("manifests").EnumerateArray()
            .Select(image => (image.GetProperty("platform").GetProperty("architecture").GetString()!, Blob(image)));
    }

    /// <summary>The list of the images.</summary>
    public string IndexPath => PathOf(Json("index.json").GetProperty("manifests")[0]);

    /// <summary>Another content of a blob, and of whatever names it by its digest.</summary>
    public void Replace(string file, byte[] content)
    {
        var (before, after) = (Path.GetFileName(file), StubRegistry.Digest(content)["sha256:".Length..]);
        Files.Remove(file);
        Files["blobs/sha256/" + after] = content;
        foreach (var (name, bytes) in Files.Where(other => other.Value.Length < 64 * 1024 && other.Value.AsSpan().IndexOf(Encoding.UTF8.GetBytes(before)) >= 0).ToList())
        {
            var renamed = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes).Replace(before, after, StringComparison.Ordinal));
            if (name.StartsWith("blobs/", StringComparison.Ordinal))
            {
                Replace(name, renamed);
            }
            else
            {
                Files[name] = renamed;
            }
        }
    }

    public JsonElement Blob(JsonElement reference) => Json(PathOf(reference));

    /// <summary>The unpacked bytes of a layer.</summary>
    public byte[] Layer(JsonElement reference)
    {
        using var zip = new GZipStream(new MemoryStream(Files[PathOf(reference)]), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        zip.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>The digest of the blob that is there.</summary>
    public static string DigestOf(string file) => "sha256:" + Path.GetFileName(file);

    /// <summary>Where the blob is that a reference names.</summary>
    public static string PathOf(JsonElement reference) => "blobs/" + reference.GetProperty("digest").GetString()!.Replace(':', '/');

    private JsonElement Json(string file) => JsonDocument.Parse(Files[file]).RootElement;
}
