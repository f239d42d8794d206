using System.Text;

namespace Benchmarks.Tests;

public class RequestsTests
{
    [Fact]
    public void Each_new_account_has_a_number_of_its_own_and_a_body_of_the_length_that_is_said()
    {
        var requests = new Requests(Plan(Workload.New), 3, "localhost:1");

        var (first, second) = (Next(requests), Next(requests));

        Assert.NotEqual(first, second);
        Assert.Equal("R-3-2", requests.Account);
        Assert.Equal(second.Split("\r\n\r\n")[1].Length, int.Parse(second.Split("Content-Length: ")[1].Split("\r\n")[0], System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void A_life_begins_anew_after_a_failure_and_at_its_end()
    {
        var requests = new Requests(Plan(Workload.Mixed), 0, "localhost:1");

        var opening = Enumerable.Range(0, 9).Select(_ => Next(requests)).Select(request => request.StartsWith("POST /v1/accounts HTTP", StringComparison.Ordinal)).ToList();

        Assert.Equal([true, false, false, false, false, false, false, false, true], opening);
        Assert.StartsWith("POST /v1/accounts HTTP", Next(requests, lastFailed: true), StringComparison.Ordinal);
    }

    private static LoadPlan Plan(Workload workload) => new() { Servers = [], Workload = workload, Connections = 4, Seconds = 1, Prefix = "R" };

    private static string Next(Requests requests, bool lastFailed = false)
    {
        var buffer = new byte[1024];
        return Encoding.ASCII.GetString(buffer, 0, requests.Write(buffer, lastFailed));
    }
}
