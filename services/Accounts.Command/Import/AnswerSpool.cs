using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;
using Microsoft.Win32.SafeHandles;

namespace Accounts.Command.Import;

/// <summary>
/// The answers on their way to a client that reads when it likes, perhaps only when it has sent everything. What does not fit
/// into a small buffer waits in a temporary file, so that neither the work has to wait for the client nor the memory grows. It
/// is compressed: answers are much alike, and a container's temporary folder is small.
/// </summary>
internal sealed class AnswerSpool : IDisposable
{
    private const int InMemory = 256 * 1024;
    private const int Quickest = 1;
    private const int Window = 18;

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _changed = new(0, 1);
    private readonly Queue<(long At, int Length, int Bytes)> _blocks = [];
    private ArrayBufferWriter<byte> _memory = new(4096);
    private ArrayBufferWriter<byte> _spare = new(4096);
    private SafeFileHandle? _file;
    private long _fileEnd;
    private bool _complete;

    /// <summary>Adds a line. Does not wait for the client.</summary>
    public void Add(ReadOnlySpan<byte> line)
    {
        lock (_gate)
        {
            _memory.Write(line);
            _memory.Write("\n"u8);
            if (_memory.WrittenCount >= InMemory)
            {
                Spill();
            }
        }

        Signal();
    }

    /// <summary>There will be no more lines.</summary>
    public void Complete()
    {
        lock (_gate)
        {
            _complete = true;
        }

        Signal();
    }

    /// <summary>Sends the lines as they come, until all are sent.</summary>
    public async Task CopyToAsync(PipeWriter client, CancellationToken cancellation)
    {
        while (await TakeAsync(client, cancellation))
        {
            if ((await client.FlushAsync(cancellation)).IsCompleted)
            {
                throw new OperationCanceledException("The client is gone.");
            }
        }
    }

    public void Dispose()
    {
        _file?.Dispose();
        _changed.Dispose();
    }

    private async ValueTask<bool> TakeAsync(PipeWriter client, CancellationToken cancellation)
    {
        while (true)
        {
            lock (_gate)
            {
                // The file has what is older.
                if (_blocks.TryDequeue(out var block))
                {
                    Restore(block, client);
                    return true;
                }

                if (_memory.WrittenCount > 0)
                {
                    (_memory, _spare) = (_spare, _memory);
                    break;
                }

                if (_complete)
                {
                    return false;
                }
            }

            await _changed.WaitAsync(cancellation);
        }

        client.Write(_spare.WrittenSpan);
        _spare.ResetWrittenCount();
        return true;
    }

    private void Spill()
    {
        _file ??= File.OpenHandle(
            Path.Combine(Path.GetTempPath(), $"accounts-import-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);
        var compressed = ArrayPool<byte>.Shared.Rent(BrotliEncoder.GetMaxCompressedLength(_memory.WrittenCount));
        BrotliEncoder.TryCompress(_memory.WrittenSpan, compressed, out var length, Quickest, Window);
        RandomAccess.Write(_file, compressed.AsSpan(0, length), _fileEnd);
        ArrayPool<byte>.Shared.Return(compressed);
        _blocks.Enqueue((_fileEnd, length, _memory.WrittenCount));
        _fileEnd += length;
        _memory.ResetWrittenCount();
    }

    private void Restore((long At, int Length, int Bytes) block, PipeWriter client)
    {
        var compressed = ArrayPool<byte>.Shared.Rent(block.Length);
        for (var read = 0; read < block.Length;)
        {
            read += RandomAccess.Read(_file!, compressed.AsSpan(read, block.Length - read), block.At + read);
        }

        BrotliDecoder.TryDecompress(compressed.AsSpan(0, block.Length), client.GetSpan(block.Bytes), out var bytes);
        client.Advance(bytes);
        ArrayPool<byte>.Shared.Return(compressed);
        if (_blocks.Count == 0)
        {
            _fileEnd = 0;
            RandomAccess.SetLength(_file!, 0);
        }
    }

    private void Signal()
    {
        // There is one who adds, and one who takes.
        if (_changed.CurrentCount == 0)
        {
            _changed.Release();
        }
    }
}
