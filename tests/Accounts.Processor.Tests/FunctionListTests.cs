using Accounts.Processor.Functions;
using Microsoft.Extensions.Configuration;

namespace Accounts.Processor.Tests;

public class FunctionListTests
{
    [Fact]
    public void A_function_that_is_named_alone_is_hosted_there_and_left_alone_where_it_is_said_to_be_elsewhere()
    {
        foreach (var name in FunctionList.All.Select(function => function.Name))
        {
            Assert.Equal([name], Hosted(("Functions", name)));
            Assert.Equal(FunctionList.All.Select(function => function.Name).Where(other => other != name), Hosted(("Functions", ""), ("FunctionsElsewhere", $",{name}")));
        }
    }

    [Theory]
    [InlineData("Functions")]
    [InlineData("FunctionsElsewhere")]
    public void A_name_that_is_no_functions_is_refused_with_those_that_there_are(string setting)
    {
        var refusal = Assert.Throws<InvalidOperationException>(() => Hosted((setting, "acount")));

        Assert.Contains("'acount'", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("account-events", refusal.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Hosted(params (string Name, string Value)[] settings) => FunctionList
        .Hosted(new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(setting => setting.Name, setting => (string?)setting.Value)).Build())
        .Select(function => function.Name);
}
