{#
    The longest drive of any rover in one sol is 411 m (Perseverance, sol 1540). The longest legs of the map server, 474 m and
    489 m, are of two and of three sols, as their spacecraft clocks show: what is newly driven is held against the sols from
    first_sol to last_sol. A leg without sols may be of many, as Curiosity's first feature is, 936 m.
#}
{{ config(severity='warn') }}

select * from {{ ref('fact_path') }}
where
    case
        when sol is not null then distance_m > 420 * (1 + last_sol - first_sol)
        else length_m > 1000
    end
