using System.Text;
using System.Text.Json;
using Sidecar.Server;

namespace Sidecar.Tests;

public sealed class StateGoJsonTests
{
    [Theory]
    [InlineData("", "EOF")]
    [InlineData("  ", "EOF")]
    [InlineData("[", "unexpected EOF")]
    [InlineData("{\"a\":", "unexpected EOF")]
    [InlineData("\"abc", "unexpected EOF")]
    [InlineData("{nope", "invalid character 'n' looking for beginning of object key string")]
    [InlineData("nope", "invalid character 'o' in literal null (expecting 'u')")]
    [InlineData("x", "invalid character 'x' looking for beginning of value")]
    [InlineData("[1,]", "invalid character ']' looking for beginning of value")]
    [InlineData("[1 2]", "invalid character '2' after array element")]
    [InlineData("{\"a\" 1}", "invalid character '1' after object key")]
    [InlineData("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair")]
    [InlineData("{\"a\":1,}", "invalid character '}' looking for beginning of object key string")]
    [InlineData("\"\\x\"", "invalid character 'x' in string escape code")]
    [InlineData("\"a\nb\"", "invalid character '\\n' in string literal")]
    [InlineData("-a", "invalid character 'a' in numeric literal")]
    [InlineData("1.x", "invalid character 'x' after decimal point in numeric literal")]
    [InlineData("1ex", "invalid character 'x' in exponent of numeric literal")]
    public void Says_what_is_wrong_in_the_words_of_Go(string text, string words) =>
        Assert.Equal(words, Assert.Throws<FormatException>(() => GoJson.Read(Encoding.UTF8.GetBytes(text))).Message);

    [Fact]
    public void Names_the_type_that_was_expected() => Assert.Equal(
        "json: cannot unmarshal object into Go value of type []state.SetRequest",
        Assert.Throws<FormatException>(() => GoJson.Read("{}"u8, JsonValueKind.Array, "[]state.SetRequest")).Message);

    [Fact]
    public void Reads_the_first_value_and_names_without_regard_to_case()
    {
        var value = GoJson.Read("""{"KEY":"k"} and more"""u8);

        Assert.Equal("k", value.Text("key", "SetRequest.key"));
        Assert.Null(value.Text("value", "SetRequest.value"));
    }
}
