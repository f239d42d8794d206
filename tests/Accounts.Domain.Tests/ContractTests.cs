using System.Text.RegularExpressions;
using Accounts.Contracts;

namespace Accounts.Domain.Tests;

public class ContractTests
{
    private static readonly ViewPointer At = new("0123456789abcdef0123456789abcdef", "g1");

    [Theory]
    [InlineData("123456", true)]
    [InlineData("A-Z-0-9", true)]
    [InlineData("0123456789012345678901234567890123", true)]
    [InlineData("01234567890123456789012345678901234", false)]
    [InlineData("", false)]
    [InlineData("abc", false)]
    [InlineData("12 3", false)]
    [InlineData("12\n", false)]
    [InlineData("Ä", false)]
    [InlineData("COUNTS", false)]
    [InlineData("STREAM", false)]
    [InlineData("IMPORT", false)]
    [InlineData("COUNT", true)]
    public void Which_numbers_an_account_can_have(string number, bool valid) => Assert.Equal(valid, AccountNumbers.IsValid(number));

    [Fact]
    public void Rows_are_filed_under_log_view_and_generation()
    {
        Assert.Equal("account.pointer", RowKeys.PointerTo(Views.Account));
        Assert.Equal("0123456789abcdef0123456789abcdef.account.g1.A-1", RowKeys.Account(At, "A-1"));
        Assert.Equal("0123456789abcdef0123456789abcdef.history.g1.A-1.12", RowKeys.History(At, "A-1", 12));
    }

    [Fact]
    public void Keys_of_different_texts_differ_by_more_than_case_and_use_few_characters()
    {
        string[] texts = ["a", "A", "á", "À", "a ", " a", "{61}", "{41}", "a.b", "a..b", "A|B", "||", "ß", "SS", "\u0000", "😀"];
        var keys = texts.Select(RowKeys.Escape).ToList();

        Assert.Equal(texts.Length, keys.Select(k => k.ToUpperInvariant()).Distinct().Count());
        Assert.All(keys, key => Assert.Matches(new Regex(@"\A[A-Za-z0-9{}-]*\z"), key));
    }

    [Fact]
    public void A_key_that_no_store_would_take_is_refused() =>
        Assert.Throws<ArgumentException>(() => RowKeys.Account(At, new string('A', RowKeys.MaxLength)));
}
