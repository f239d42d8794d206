using Accounts.Contracts;

namespace Accounts.Query.Lists;

/// <summary>
/// The page of a list as far as it is known: accounts, and rows that have not been read, each at the place of the first
/// account that it can hold.
/// </summary>
/// <param name="request">The page.</param>
/// <param name="partitions">Number of partitions.</param>
/// <param name="userDefault">In a list of one user's accounts: the number of the default one.</param>
internal sealed class ListMerge(ListRequest request, int partitions, string? userDefault)
{
    private readonly ListFilter _filter = request.Filter;
    private readonly List<Step> _steps = [];
    private readonly bool _byNumber = request.Filter.Order == ListOrder.AccountNumber;
    private readonly bool _down = request.Filter.Order == ListOrder.CreatedAtDescending;

    /// <summary>Takes up what a row holds.</summary>
    public void Open(int partition, IndexRow row, bool isTop)
    {
        foreach (var entry in row.Entries)
        {
            var account = _filter.User is null ? entry.Account : entry.Account with { DefaultAccount = entry.Account.AccountNumber == userDefault };
            if (IsAhead(partition, entry) && IsAskedFor(account))
            {
                var item = new ListItem(account, row.Commands.TryGetValue(account.Status, out var legal) ? legal : []);
                _steps.Add(new Step(PlaceOf(partition, entry), partition, 1, item, entry.Ordinal, null));
            }
        }

        foreach (var below in _byNumber && isTop ? row.ByNumber : row.Below)
        {
            if (IsAhead(partition, below) && Matches(below) is > 0 and var matches)
            {
                _steps.Add(new Step(PlaceOf(partition, below), partition, matches, null, 0, below.Label));
            }
        }
    }

    /// <summary>
    /// The rows to read next: those that stand before the end of the page, and of each partition the first, so that the
    /// partitions are not read one after the other. Empty when the page is complete.
    /// </summary>
    public IReadOnlyList<(int Partition, string Label)> Unread(int most)
    {
        _steps.Sort((a, b) => a.Place.CompareTo(b.Place) is var order and not 0 ? order : (a.Label is null).CompareTo(b.Label is null));
        if (_steps.Take(request.Limit).All(step => step.Label is null))
        {
            return [];
        }

        var rows = new List<(int Partition, string Label)>();
        var others = new List<Step>(_steps.Count);
        var begun = new HashSet<int>();
        long known = 0;
        foreach (var step in _steps)
        {
            var isFirst = begun.Add(step.Partition);
            if (step.Label is { } label && rows.Count < most && (known < request.Limit || isFirst))
            {
                rows.Add((step.Partition, label));
            }
            else
            {
                others.Add(step);
            }

            known += step.Matches;
        }

        _steps.Clear();
        _steps.AddRange(others);
        return rows;
    }

    public ListPage Page(CountsBody counts)
    {
        var items = _steps.Take(request.Limit).ToList();
        return new ListPage([.. items.Select(step => step.Item!)], _steps.Count > items.Count ? After(items) : null, counts);
    }

    private ListCursor After(List<Step> items)
    {
        if (_byNumber)
        {
            return new ListCursor(_filter.Name, null, items[^1].Item!.Account.AccountNumber);
        }

        var ordinals = request.After?.Ordinals?.ToArray() ?? [.. Enumerable.Repeat(_down ? AccountNumbers.MaxUserId : 0, partitions)];
        foreach (var step in items)
        {
            ordinals[step.Partition] = step.Ordinal;
        }

        return new ListCursor(_filter.Name, ordinals, null);
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

    private bool IsAskedFor(AccountBody account) =>
        (_filter.Status is null || account.Status == _filter.Status)
        && (_filter.DefaultAccount is null || account.DefaultAccount == _filter.DefaultAccount);

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

    /// <summary>An account, or, with a label, a row that has not been read.</summary>
    private sealed record Step(ListPlace Place, int Partition, long Matches, ListItem? Item, long Ordinal, string? Label);
}
