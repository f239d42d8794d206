using Accounts.Contracts;

namespace Accounts.Query.Lists;

/// <summary>
/// The page of a list as far as it is known: accounts, and rows that have not been read, each at the place of the first
/// account that it can hold.
/// </summary>
/// <param name="request">The page.</param>
/// <param name="partitions">Number of partitions.</param>
/// <param name="log">What cursors call the log.</param>
/// <param name="userDefault">In a list of one user's accounts: the number of the default one.</param>
internal sealed class ListMerge(ListRequest request, int partitions, string log, string? userDefault)
{
    private readonly ListFilter _filter = request.Filter;
    private readonly List<Step> _steps = [];
    private readonly List<Step> _below = [];
    private readonly bool _byNumber = request.Filter.Order == ListOrder.AccountNumber;
    private readonly bool _down = request.Filter.Order == ListOrder.CreatedAtDescending;

    /// <summary>Takes up what a row holds.</summary>
    public void Open(int partition, IndexRow row, bool isTop)
    {
        foreach (var entry in row.Entries)
        {
            if (IsAhead(partition, entry) && IsAskedFor(entry.Account.Status, IsDefault(entry.Account)))
            {
                _steps.Add(new Step(PlaceOf(partition, entry), partition, 1, entry, row, null));
            }
        }

        OpenBelow(partition, row, _byNumber && isTop ? row.ByNumber : row.Below, null);
    }

    /// <summary>
    /// The rows to read next: those that stand before the end of the page, and of each partition the first, so that the
    /// partitions are not read one after the other. Empty when the page is complete.
    /// </summary>
    public IReadOnlyList<(int Partition, IndexSummary Below)> Unread(int most)
    {
        do
        {
            _steps.Sort((a, b) => a.Place.CompareTo(b.Place) is var order and not 0 ? order : (a.Entry is not null).CompareTo(b.Entry is not null));
            DropBeyondPage();
        }
        while (TakeUpRest());

        var rows = new List<(int Partition, IndexSummary Below)>();
        if (_steps.FindIndex(0, Math.Min(request.Limit, _steps.Count), step => step.Entry is null) < 0)
        {
            return rows;
        }

        var begun = new HashSet<int>();
        long known = 0;
        var kept = 0;
        for (var i = 0; i < _steps.Count; i++)
        {
            var step = _steps[i];
            var isFirst = begun.Add(step.Partition);
            if (step.Below is { } below && rows.Count < most && (known < request.Limit || isFirst))
            {
                rows.Add((step.Partition, below));
            }
            else
            {
                _steps[kept++] = step;
            }

            known += step.Matches;
        }

        _steps.RemoveRange(kept, _steps.Count - kept);
        return rows;
    }

    public ListPage Page(CountsBody counts)
    {
        var items = _steps[..Math.Min(request.Limit, _steps.Count)];
        return new ListPage([.. items.Select(ItemOf)], _steps.Count > items.Count ? After(items) : null, counts);
    }

    /// <summary>
    /// Of many rows that are below one, only those that can be on the page are taken up; the others stand together at the place of
    /// the first of them.
    /// </summary>
    private void OpenBelow(int partition, IndexRow row, IReadOnlyList<IndexSummary> below, ListPlace? from)
    {
        _below.Clear();
        foreach (var summary in below)
        {
            if (IsAhead(partition, summary) && PlaceOf(partition, summary) is var place && (from is null || place.CompareTo(from.Value) >= 0)
                && Matches(summary) is > 0 and var matches)
            {
                _below.Add(new Step(place, partition, matches, null, null, summary));
            }
        }

        var taken = _below.Count;
        if (_filter.User is null)
        {
            _below.Sort((a, b) => a.Place.CompareTo(b.Place));
            taken = 0;
            for (long known = 0; taken < _below.Count && known <= request.Limit; taken++)
            {
                known += _below[taken].Matches;
            }
        }

        _steps.AddRange(_below[..taken]);
        if (taken < _below.Count)
        {
            _steps.Add(new Step(_below[taken].Place, partition, _below.Skip(taken).Sum(step => step.Matches), null, row, null));
        }
    }

    /// <summary>Takes up those that stand together where the page has come to them; false when it has not.</summary>
    private bool TakeUpRest()
    {
        long known = 0;
        for (var i = 0; i < _steps.Count && known < request.Limit; known += _steps[i++].Matches)
        {
            if (_steps[i] is { Entry: null, Row: { } row } rest)
            {
                _steps.RemoveAt(i);
                OpenBelow(rest.Partition, row, row.Below, rest.Place);
                return true;
            }
        }

        return false;
    }

    /// <summary>What comes after as many accounts as the page has, and one more, is on another page, whatever it is.</summary>
    private void DropBeyondPage()
    {
        var accounts = 0;
        for (var i = 0; i < _steps.Count; i++)
        {
            if (_steps[i].Entry is not null && ++accounts > request.Limit)
            {
                _steps.RemoveRange(i + 1, _steps.Count - i - 1);
            }
        }
    }

    private ListItem ItemOf(Step step)
    {
        var account = step.Entry!.Account;
        var isDefault = IsDefault(account);
        return new ListItem(
            account.DefaultAccount == isDefault ? account : account with { DefaultAccount = isDefault },
            step.Row!.Commands.TryGetValue(account.Status, out var legal) ? legal : []);
    }

    private ListCursor After(List<Step> items)
    {
        if (_byNumber)
        {
            return new ListCursor(_filter.Name, log, null, items[^1].Entry!.Account.AccountNumber);
        }

        var ordinals = request.After?.Ordinals?.ToArray() ?? [.. Enumerable.Repeat(_down ? AccountNumbers.MaxUserId : 0, partitions)];
        foreach (var step in items)
        {
            ordinals[step.Partition] = step.Entry!.Ordinal;
        }

        return new ListCursor(_filter.Name, log, ordinals, null);
    }

    private ListPlace PlaceOf(int partition, IndexEntry entry) => _byNumber
        ? ListPlace.ByNumber(entry.Account.AccountNumber)
        : ListPlace.ByCreation(_down, entry.Account.CreatedAt, partition, entry.Ordinal);

    // The label of a row by number is a letter and what all numbers in it begin with.
    private ListPlace PlaceOf(int partition, IndexSummary below) => _byNumber
        ? ListPlace.ByNumber(below.Label[1..])
        : ListPlace.ByCreation(_down, _down ? below.LastCreated : below.FirstCreated, partition, _down ? below.LastOrdinal : below.FirstOrdinal);

    private bool IsAhead(int partition, IndexEntry entry) => request.After switch
    {
        null => true,
        { Number: { } number } => string.CompareOrdinal(entry.Account.AccountNumber, number) > 0,
        { Ordinals: var ordinals } => _down ? entry.Ordinal < ordinals![partition] : entry.Ordinal > ordinals![partition],
    };

    private bool IsAhead(int partition, IndexSummary below) => request.After switch
    {
        null => true,
        { Number: { } number } => string.CompareOrdinal(below.Label[1..], number) > 0 || number.StartsWith(below.Label[1..], StringComparison.Ordinal),
        { Ordinals: var ordinals } => _down ? below.FirstOrdinal < ordinals![partition] : below.LastOrdinal > ordinals![partition],
    };

    private bool IsDefault(AccountBody account) => _filter.User is null ? account.DefaultAccount : account.AccountNumber == userDefault;

    private bool IsAskedFor(string status, bool isDefault) =>
        (_filter.Status is null || status == _filter.Status) && (_filter.DefaultAccount is null || isDefault == _filter.DefaultAccount);

    /// <summary>How many accounts of a row are asked for; of a user's, one that has lost its place as the default may count as either.</summary>
    private long Matches(IndexSummary below)
    {
        var matches = 0L;
        for (var i = 0; i < IndexSummary.Statuses.Count; i++)
        {
            if (_filter.Status is null || _filter.Status == IndexSummary.Statuses[i])
            {
                var (others, defaults) = (below.Counts[2 * i], below.Counts[(2 * i) + 1]);
                matches += _filter.DefaultAccount switch
                {
                    null => others + defaults,
                    true => defaults,
                    false => others + (_filter.User is null ? 0 : defaults),
                };
            }
        }

        return matches;
    }

    /// <summary>An account and the row that it is in; or the summary of a row that has not been read; or a row of which there are more summaries.</summary>
    private readonly record struct Step(ListPlace Place, int Partition, long Matches, IndexEntry? Entry, IndexRow? Row, IndexSummary? Below);
}
