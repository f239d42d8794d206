using System.Formats.Tar;
using System.IO.Compression;
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

    public JsonElement Blob(JsonElement reference) => Json(Path(reference));

    /// <summary>The unpacked bytes of a layer.</summary>
    public byte[] Layer(JsonElement reference)
    {
        using var zip = new GZipStream(new MemoryStream(Files[Path(reference)]), CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        zip.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static string Path(JsonElement reference) => "blobs/" + reference.GetProperty("digest").GetString()!.Replace(':', '/');

    private JsonElement Json(string file) => JsonDocument.Parse(Files[file]).RootElement;
}
