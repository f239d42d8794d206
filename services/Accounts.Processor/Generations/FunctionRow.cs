using System.Globalization;
using System.Text.Json.Serialization;
using Accounts.Contracts;
using Accounts.Processor.Functions;

namespace Accounts.Processor.Generations;

/// <summary>
/// What operators want of a function, and which generations of a view there are. Every replica of every deployment that hosts
/// it reads the row twice a second, so that nothing has to be restarted, and all of it survives restarts.
/// </summary>
internal sealed record FunctionRow
{
    /// <summary>It takes no events until it is resumed.</summary>
    public bool Paused { get; init; }

    /// <summary>Changes whenever something is asked of accounts that the function holds back.</summary>
    public long Attention { get; init; }

    /// <summary>Number of the last generation that was ever begun; none is used twice.</summary>
    public int Last { get; init; } = 1;

    /// <summary>The generations that are fed. The pointer says which of them is live.</summary>
    public IReadOnlyList<Generation> Generations { get; init; } = [new Generation(ViewGenerations.First, 1)];

    /// <summary>Another generation is on its way to being the live one.</summary>
    public GenerationChange? Change { get; init; }

    public static string Key(string logId, string function) => RowKeys.Row(new ViewPointer(logId, ViewGenerations.First), "function", function);
}

/// <summary>One filling of a view.</summary>
/// <param name="Id">Part of the keys of its rows.</param>
/// <param name="Fold">Version of the fold that fills it.</param>
/// <param name="Begun">When it was begun, in epoch milliseconds; null for the first.</param>
internal sealed record Generation(string Id, int Fold, long? Begun = null)
{
    /// <summary>Whether this version of the view can fill it: older versions leave alone what a newer one began.</summary>
    public bool IsFor(Function.View view) => Fold <= view.Version;
}

/// <summary>A generation is to become the live one.</summary>
/// <param name="To">Its id.</param>
/// <param name="Phase">How far that has come.</param>
/// <param name="Back">It has been live before.</param>
internal sealed record GenerationChange(string To, ChangePhase Phase, bool Back = false);

[JsonConverter(typeof(JsonStringEnumConverter<ChangePhase>))]
internal enum ChangePhase
{
    /// <summary>It is filled beside the live one.</summary>
    [JsonStringEnumMemberName("filling")]
    Filling,

    /// <summary>It goes first, and the live one follows, so that the live one never shows what it lacks.</summary>
    [JsonStringEnumMemberName("leading")]
    Leading,

    /// <summary>It is the live one, and those who query are coming to know.</summary>
    [JsonStringEnumMemberName("switched")]
    Switched,

    /// <summary>It led, and an operator has taken that back: until nobody can make it the live one any more.</summary>
    [JsonStringEnumMemberName("givingUp")]
    GivingUp,
}

/// <summary>How generations are called.</summary>
internal static class ViewGenerations
{
    public const string First = "1";

    /// <summary>The number, and the version of the fold unless that is the first one.</summary>
    public static string Id(int number, int fold) => fold == 1
        ? number.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{number}v{fold}");

    /// <summary>A row for a view that nobody has seen before.</summary>
    public static FunctionRow FirstOf(Function.View view) => new() { Generations = [new Generation(First, view.Version)] };
}
