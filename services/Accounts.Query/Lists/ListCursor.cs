using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Accounts.Contracts;

namespace Accounts.Query.Lists;

/// <summary>
/// How far a client has come in a list. By creation it is the last ordinal seen of each partition: whatever is added later has
/// greater ones, so that nothing is shown twice and nothing that was there is left out, even when a partition's view lags.
/// By number it is the last number.
/// </summary>
/// <param name="List">The list that it belongs to.</param>
/// <param name="Log">The log that it is of.</param>
/// <param name="Ordinals">By partition; going down, what comes next is below.</param>
/// <param name="Number">The last number.</param>
internal sealed record ListCursor(
    [property: JsonPropertyName("l")] string List,
    [property: JsonPropertyName("g")] string Log,
    [property: JsonPropertyName("o")] IReadOnlyList<long>? Ordinals,
    [property: JsonPropertyName("n")] string? Number)
{
    // 1,024 partitions with 16 digits each, and some more.
    private const int MaxLength = 32 * 1024;

    public override string ToString() => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(this, CursorJson.Default.ListCursor));

    /// <summary>Null when the text is no cursor of the list.</summary>
    public static ListCursor? Parse(string text, ListFilter filter)
    {
        if (text.Length > MaxLength || !Base64Url.IsValid(text))
        {
            return null;
        }

        try
        {
            var cursor = JsonSerializer.Deserialize(Base64Url.DecodeFromChars(text), CursorJson.Default.ListCursor);
            return cursor is not null && cursor.List == filter.Name && cursor.Fits(filter.Order) && cursor.ToString() == text ? cursor : null;
        }
        catch (Exception malformed) when (malformed is JsonException or FormatException)
        {
            return null;
        }
    }

    private bool Fits(ListOrder order) => order == ListOrder.AccountNumber
        ? Number is { } number && AccountNumbers.IsValid(number) && Ordinals is null
        : Number is null && Ordinals is { Count: > 0 } ordinals && ordinals.All(ordinal => ordinal is >= 0 and <= AccountNumbers.MaxUserId);
}

[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ListCursor))]
internal sealed partial class CursorJson : JsonSerializerContext;
