using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace SystemTests;

/// <summary>A body that is sent only when the service reads it (which it says by 100 Continue), and then not before it may.</summary>
internal sealed class BodyOnDemand : HttpContent
{
    private readonly TaskCompletionSource _demanded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _may = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly byte[] _body;

    public BodyOnDemand(string json)
    {
        _body = Encoding.UTF8.GetBytes(json);
        Headers.ContentType = new MediaTypeHeaderValue("application/json");
    }

    public Task Demanded => _demanded.Task;

    public void Send() => _may.SetResult();

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        _demanded.SetResult();
        await _may.Task;
        await stream.WriteAsync(_body);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _body.Length;
        return true;
    }
}
