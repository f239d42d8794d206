using System.Numerics;

namespace Benchmarks;

/// <summary>
/// Counts durations in buckets whose width grows with the duration, so that any number of them takes a few kilobytes and
/// a percentile is true to 1.6 %.
/// </summary>
internal sealed class Latencies
{
    private const int BitsOfPrecision = 6;
    private const int Linear = 1 << (BitsOfPrecision + 1);
    private readonly long[] _counts = new long[Bucket(long.MaxValue) + 1];

    /// <summary>How many were counted.</summary>
    public long Count { get; private set; }

    /// <summary>Counts one.</summary>
    public void Add(TimeSpan duration)
    {
        _counts[Bucket(Math.Max(0, (long)duration.TotalMicroseconds))]++;
        Count++;
    }

    /// <summary>The duration, in milliseconds, that this share of all (0 to 1) does not exceed; 0 when nothing was counted.</summary>
    public double Percentile(double share)
    {
        var wanted = (long)Math.Ceiling(share * Count);
        var seen = 0L;
        for (var bucket = 0; bucket < _counts.Length && Count > 0; bucket++)
        {
            seen += _counts[bucket];
            if (seen >= wanted && seen > 0)
            {
                return Middle(bucket) / 1000.0;
            }
        }

        return 0;
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        Array.Clear(_counts);
        Count = 0;
    }

    /// <summary>Below 128 µs each microsecond has a bucket; above, each power of two has 64.</summary>
    private static int Bucket(long microseconds)
    {
        if (microseconds < Linear)
        {
            return (int)microseconds;
        }

        var shift = BitOperations.Log2((ulong)microseconds) - BitsOfPrecision;
        return (shift << BitsOfPrecision) + (int)(microseconds >> shift);
    }

    private static double Middle(int bucket)
    {
        if (bucket < Linear)
        {
            return bucket;
        }

        var shift = (bucket >> BitsOfPrecision) - 1;
        var first = (long)(bucket - (shift << BitsOfPrecision)) << shift;
        return first + ((1L << shift) - 1) / 2.0;
    }
}
