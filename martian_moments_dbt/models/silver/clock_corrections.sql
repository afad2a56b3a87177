{#
    Spacecraft clocks against UTC: UTC = 2000-01-01T11:58:55.816Z + clock + correction, straight between two known points. The
    clocks run slow or fast by up to a second a sol, so that a point lies only as far as the next.

    * Spirit and Opportunity: their timetables (SCLK and UTC of each sol's noon), thinned to the points from which every noon
      of both missions is interpolated within 15 s. Between two noons their clocks stepped by up to 108 s.
    * Perseverance: clock and date_taken_utc of images of the sols 100, 876 and 1965. Those of sols 888 and 889, between them,
      agree within 0.1 s; the first image after the landing comes out 40 s after the touchdown.
    * Curiosity: items of the sols 86 and 4681, with nothing known between them but that every clock in a file name at hand
      falls into the sol it should.
#}
with known as (
    select
        listed.rover,
        listed.clock,
        listed.correction_s
    from (
        values
        ('curiosity', 405141307.148, 266.036),
        ('curiosity', 813038955.646, 4114.538),
        ('perseverance', 675828717.752, 224.416),
        ('perseverance', 744724219.997, 767.519),
        ('perseverance', 841393387.640, 1538.182),
        ('opportunity', 128274081, -9),
        ('opportunity', 137149730, 30),
        ('opportunity', 137504763, 8),
        ('opportunity', 143451393, -2),
        ('opportunity', 143628935, -26),
        ('opportunity', 154014483, -72),
        ('opportunity', 154280760, -49),
        ('opportunity', 175588108, -36),
        ('opportunity', 196540446, -58),
        ('opportunity', 217754817, -236),
        ('opportunity', 218021094, -217),
        ('opportunity', 222104356, -243),
        ('opportunity', 222459409, -223),
        ('opportunity', 243948416, -206),
        ('opportunity', 244037258, -265),
        ('opportunity', 247765762, -297),
        ('opportunity', 247854484, -254),
        ('opportunity', 252824918, -249),
        ('opportunity', 253002455, -279),
        ('opportunity', 265339635, -322),
        ('opportunity', 265517224, -384),
        ('opportunity', 279098554, -500),
        ('opportunity', 279364828, -477),
        ('opportunity', 287531996, -517),
        ('opportunity', 287709542, -488),
        ('opportunity', 298011404, -492),
        ('opportunity', 298100251, -525),
        ('opportunity', 318961167, -610),
        ('opportunity', 319049962, -650),
        ('opportunity', 328458814, -714),
        ('opportunity', 328547621, -754),
        ('opportunity', 337335559, -822),
        ('opportunity', 348077226, -839),
        ('opportunity', 356514244, -834),
        ('opportunity', 356603092, -866),
        ('opportunity', 372583149, -936),
        ('opportunity', 373026933, -957),
        ('opportunity', 388915019, -1080),
        ('opportunity', 389003821, -1115),
        ('opportunity', 398590659, -1210),
        ('opportunity', 398679396, -1181),
        ('opportunity', 411197997, -1241),
        ('opportunity', 411286762, -1194),
        ('opportunity', 429400189, -1209),
        ('opportunity', 429577730, -1240),
        ('opportunity', 442624890, -1312),
        ('opportunity', 442891222, -1355),
        ('opportunity', 452833125, -1448),
        ('opportunity', 452921861, -1418),
        ('opportunity', 454519650, -1424),
        ('opportunity', 454608360, -1369),
        ('opportunity', 456472378, -1314),
        ('opportunity', 460732975, -1098),
        ('opportunity', 462064443, -996),
        ('opportunity', 465349254, -994),
        ('opportunity', 465615576, -957),
        ('opportunity', 471387342, -608),
        ('opportunity', 482310434, -632),
        ('opportunity', 486659820, -384),
        ('opportunity', 488701227, -369),
        ('opportunity', 494913586, -4),
        ('opportunity', 528201892, -3),
        ('opportunity', 528379446, 52),
        ('opportunity', 603310074, 305),
        ('spirit', 126454028, -30),
        ('spirit', 135418831, 8),
        ('spirit', 144738231, -64),
        ('spirit', 145093301, -88),
        ('spirit', 163645580, -284),
        ('spirit', 166219984, -294),
        ('spirit', 166397509, -267),
        ('spirit', 189217988, -148),
        ('spirit', 193212050, -140),
        ('spirit', 193389584, -167),
        ('spirit', 201199950, -202),
        ('spirit', 201288761, -256),
        ('spirit', 228185574, -592),
        ('spirit', 228274326, -557),
        ('spirit', 233069542, -589),
        ('spirit', 233424774, -571),
        ('spirit', 243371459, -600),
        ('spirit', 243992974, -621),
        ('spirit', 258904684, -670),
        ('spirit', 258993547, -778),
        ('spirit', 278255619, -1085),
        ('spirit', 278344335, -1036),
        ('spirit', 289175044, -1181),
        ('spirit', 289352612, -1158),
        ('spirit', 300720517, -1245),
        ('spirit', 300809230, -1159),
        ('spirit', 310485447, -1107),
        ('spirit', 310574264, -1169),
        ('spirit', 319183423, -1224),
        ('spirit', 319272225, -1271),
        ('spirit', 322467568, -1310)
    ) as listed (rover, clock, correction_s)
),

segments as (
    select
        rover,
        cast(clock as double) as clock,
        cast(correction_s as double) as correction_s,
        lag(clock) over (partition by rover order by clock) as clock_before,
        cast(lead(clock) over (partition by rover order by clock) as double) as next_clock,
        cast(lead(correction_s) over (partition by rover order by clock) as double) as next_correction_s
    from known
)

-- Before the first and after the last point the nearest stretch goes on: rates change by 1 % in years.
select
    segments.rover,
    segments.clock,
    segments.correction_s,
    (segments.next_correction_s - segments.correction_s) / (segments.next_clock - segments.clock) as drift,
    case when segments.clock_before is null then 0 else segments.clock end as clock_from,
    coalesce(
        lead(segments.clock) over (partition by segments.rover order by segments.clock), 1e12
    ) as clock_to,
    case segments.rover when 'perseverance' then 10 else 60 end as uncertainty_s
from segments
inner join {{ ref('dim_rovers') }} as rovers on segments.rover = rovers.rover
where segments.next_clock is not null
