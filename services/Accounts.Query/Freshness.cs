using System.Globalization;
using Accounts.Contracts;
using Microsoft.Extensions.Primitives;
using ServiceDefaults;

namespace Accounts.Query;

/// <summary>
/// Reading what one has written: the client names the version or the position that it has been given, and the answer is
/// not older than that. The view is looked at again, after short pauses that grow, for as long as the client is willing to wait.
/// </summary>
internal sealed class Freshness(ViewRows views, TimeProvider time)
{
    private const int LongestWait = 10;
    private const int MostWaiting = 1_000;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(200);
    private int _waiting;

    /// <summary>Reads until what is read is fresh enough or the client's patience is at its end.</summary>
    /// <param name="context">Says how long the client waits, and gets told that it was waited for.</param>
    /// <param name="wait">What <see cref="ReadWait"/> read.</param>
    /// <param name="read">Reads the view.</param>
    /// <param name="enough">Whether this is fresh enough.</param>
    /// <returns>What was read last, fresh enough or not.</returns>
    public async Task<T> ReadAsync<T>(HttpContext context, TimeSpan? wait, Func<CancellationToken, Task<T>> read, Func<T, bool> enough)
    {
        var begun = time.GetTimestamp();
        var cancellation = context.RequestAborted;
        if (wait is { } applied)
        {
            context.Response.Headers["Preference-Applied"] = string.Create(CultureInfo.InvariantCulture, $"wait={applied.TotalSeconds:0}");
        }

        var found = await read(cancellation);
        if (enough(found) || wait is null)
        {
            return found;
        }

        // Each of those who wait costs some reads a second; those who would be too many are told to come again.
        using var place = new Place(this);
        for (var pause = FirstPause; place.Free && !enough(found) && wait - time.GetElapsedTime(begun) is var left && left > TimeSpan.Zero; pause *= 1.25)
        {
            pause = pause > LongestPause ? LongestPause : pause;
            await Task.Delay(pause < left ? pause : left.Value, time, cancellation);
            found = await read(cancellation);
        }

        return found;
    }

    /// <summary>
    /// How far the view has come in the partitions that are named; null when there is no such partition. An event that the view
    /// tries again by itself is one that it has not come to.
    /// </summary>
    /// <exception cref="HeldAccount">The view has come that far, and an event before that is held until somebody looks at it.</exception>
    public async Task<IReadOnlyList<LogPlace>?> ReachedAsync(string view, IReadOnlyList<LogPlace> wanted, long? user, CancellationToken cancellation)
    {
        if (await views.PointerAsync(view) is not { } at)
        {
            return [.. wanted.Select(place => place with { Position = 0 })];
        }

        var found = await views.CheckpointsAsync(at, view, [.. wanted.Select(place => place.Partition)], cancellation);
        if (found.Contains(null))
        {
            return null;
        }

        IReadOnlyList<LogPlace> reached = [.. wanted.Zip(found, (place, position) => place with { Position = position!.Value })];

        // The feed has every event at its place, whether or not the view could take it.
        return view == Views.History || wanted.Zip(reached).Any(pair => pair.Second.Position < pair.First.Position)
            ? reached
            : await WithoutHeldAsync(at, view, wanted, reached, user, cancellation);
    }

    private async Task<IReadOnlyList<LogPlace>> WithoutHeldAsync(
        ViewPointer at, string view, IReadOnlyList<LogPlace> wanted, IReadOnlyList<LogPlace> reached, long? user, CancellationToken cancellation)
    {
        var held = (await views.HeldAsync(at, view, wanted.Select(place => place.Partition), cancellation))
            .Where(row => wanted.Any(place => place.Partition == row.Partition && place.Position >= row.Position)).ToList();
        if (held.Count > 0 && user is { } one)
        {
            var others = await views.OfOthersAsync([.. held.Select(row => row.Account)], one, cancellation);
            held.RemoveAll(row => others.Contains(row.Account));
        }

        return held.Exists(row => row.State == HeldStates.Parked)
            ? throw new HeldAccount()
            : [.. reached.Select(place => held.Where(row => row.Partition == place.Partition)
                .Aggregate(place, (before, row) => before with { Position = Math.Min(before.Position, row.Position - 1) }))];
    }

    /// <summary><c>Min-Version</c> or <c>minVersion</c>; 0 when neither is given.</summary>
    public static long ReadMinVersion(HttpRequest request, Dictionary<string, string[]> wrong)
    {
        var (name, value) = Read(request, AccountHeaders.MinVersion, "minVersion", wrong);
        return value is null ? 0 : Wholes.Read(value, name, 0, AccountNumbers.MaxUserId, wrong) ?? 0;
    }

    /// <summary><c>Min-Position</c> or <c>minPosition</c>: places in the log, separated by commas; empty when neither is given.</summary>
    public static IReadOnlyList<LogPlace> ReadMinPosition(HttpRequest request, Dictionary<string, string[]> wrong)
    {
        var (name, value) = Read(request, AccountHeaders.MinPosition, "minPosition", wrong);
        if (value is null)
        {
            return [];
        }

        var places = value.Split(',', StringSplitOptions.TrimEntries).Select(LogPlace.Parse).ToList();
        if (places.Count > 100 || places.Contains(null))
        {
            wrong[name] = ["must be partition:position, or several of them separated by commas"];
            return [];
        }

        return [.. places.Select(place => place!.Value)];
    }

    /// <summary>How long <c>Prefer: wait=n</c> asks to wait; null when it does not.</summary>
    public static TimeSpan? ReadWait(HttpRequest request, Dictionary<string, string[]> wrong)
    {
        var waits = request.Headers["Prefer"].SelectMany(header => (header ?? "").Split(',', ';'))
            .Select(preference => preference.Split('=', 2, StringSplitOptions.TrimEntries))
            .Where(preference => preference[0].Equals("wait", StringComparison.OrdinalIgnoreCase));
        if (waits.FirstOrDefault() is not { } wait)
        {
            return null;
        }

        if (wait.Length == 2 && Wholes.Parse(wait[1].Trim('"'), LongestWait) is { } seconds)
        {
            return TimeSpan.FromSeconds(seconds);
        }

        wrong["Prefer"] = [$"wait must be a whole number of seconds from 0 to {LongestWait}"];
        return null;
    }

    /// <summary>The answer to who wants a version that the view does not have yet.</summary>
    public static Problem NotYet(long version) => NotThere with { Version = version };

    private static Problem NotThere { get; } = Problems.Of(503, ProblemTypes.NotYet, "The view has not come that far yet");

    /// <summary>
    /// An endpoint filter: waits until the view has come to the places that the client names. Lists have it
    /// by <see cref="AccountQueries.WaitsForPosition"/>.
    /// </summary>
    public static async ValueTask<object?> WaitAsync(string view, EndpointFilterInvocationContext invocation, EndpointFilterDelegate next)
    {
        var context = invocation.HttpContext;
        var wrong = new Dictionary<string, string[]>();
        var wanted = ReadMinPosition(context.Request, wrong);
        var wait = ReadWait(context.Request, wrong);
        if (wrong.Count > 0)
        {
            return Problems.Invalid(wrong).Result();
        }

        if (wanted.Count == 0)
        {
            return await next(invocation);
        }

        var freshness = context.RequestServices.GetRequiredService<Freshness>();
        IReadOnlyList<LogPlace>? reached;
        try
        {
            reached = await freshness.ReadAsync(
                context,
                wait,
                cancellation => freshness.ReachedAsync(view, wanted, UserOf(context.Request), cancellation),
                reached => reached is null || Missing(reached).Length == 0);
        }
        catch (HeldAccount)
        {
            return HeldAccount.Answer(context);
        }

        return reached is null ? Problems.Invalid(AccountHeaders.MinPosition, "names a partition that there is not").Result()
            : Missing(reached) is { Length: > 0 } missing ? (NotThere with { Position = missing }).Result()
            : await next(invocation);

        string Missing(IReadOnlyList<LogPlace> reached) =>
            string.Join(", ", wanted.Zip(reached).Where(pair => pair.Second.Position < pair.First.Position).Select(pair => pair.Second));
    }

    /// <summary>The user that a list is of; null when it is of all. What is malformed is refused by the list itself.</summary>
    private static long? UserOf(HttpRequest request) => Wholes.Parse(request.RouteValues["userId"] as string ?? request.Query["userId"]);

    private static (string Name, string? Value) Read(HttpRequest request, string header, string parameter, Dictionary<string, string[]> wrong)
    {
        var (headers, parameters) = (request.Headers[header], request.Query[parameter]);
        var name = parameters.Count > 0 ? parameter : header;
        var given = StringValues.Concat(headers, parameters);
        if (given.Count > 1)
        {
            wrong[name] = ["must be given once"];
            return (name, null);
        }

        return (name, given.Count == 0 ? null : given[0] ?? "");
    }

    private readonly struct Place : IDisposable
    {
        private readonly Freshness _freshness;

        public Place(Freshness freshness)
        {
            _freshness = freshness;
            Free = Interlocked.Increment(ref freshness._waiting) <= MostWaiting;
        }

        public bool Free { get; }

        public void Dispose() => Interlocked.Decrement(ref _freshness._waiting);
    }
}

/// <summary>A place in the log, as answers name it: <c>partition:position</c>.</summary>
internal readonly record struct LogPlace(int Partition, long Position)
{
    public static LogPlace? Parse(string text) => text.Split(':') is [var partition, var position]
        && Wholes.Parse(partition, int.MaxValue) is { } p && Wholes.Parse(position) is { } at ? new LogPlace((int)p, at) : null;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Partition}:{Position}");
}
